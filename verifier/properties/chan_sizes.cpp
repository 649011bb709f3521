// SPDX-License-Identifier: Apache-2.0
// chan.sizes: channels have their declared size and fit.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/info.hpp>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// Below the local APIC's page and the interrupt controllers' usual places, so that no guest takes a channel for them.
constexpr std::uint64_t kChannelLimit = 0xFEC0'0000;

void sizes_model(const Context& context, Judge& judge) {
    const config::Model& model = context.model;
    for (const config::Channel& channel : model.channels) {
        judge.rests_on(channel.size.span);
        if (channel.size.value == 0 || channel.size.value % kPageSize != 0) {
            judge.violated({.message = fmt::format("channel `{}` has {}, expected whole pages of 4 KiB, at least one",
                                                   channel.name.value, bytes_text(channel.size.value)),
                            .key = "channel-" + channel.name.value,
                            .primary = channel.size.span,
                            .help = "round the size up to a multiple of 4 KiB"});
        }
    }
    for (std::size_t p = 0; p < model.partitions.size(); ++p) {
        std::uint64_t end = 0;
        std::size_t count = 0;
        const Grant* last = nullptr;
        for (const Grant& grant : context.declared.partitions[p].grants) {
            if (grant.channel != ~0U) {
                ++count;
                if (grant.end() > end || grant.end() < grant.gpa) {
                    end = grant.end() < grant.gpa ? ~0ULL : grant.end();
                    last = &grant;
                }
            }
        }
        const std::string& name = model.partitions[p].name.value;
        if (last != nullptr && end > kChannelLimit) {
            judge.violated(
                {.message = fmt::format("the channels of `{}` need guest-physical {}, but only {} is theirs", name,
                                        range(guest::kChannelBase, end), range(guest::kChannelBase, kChannelLimit)),
                 .partitions = {name},
                 .key = "window",
                 .witness = "guest-physical " + address(kChannelLimit),
                 .primary = model.channels[last->channel].size.span,
                 .help = "make the channels smaller, or give the partition fewer"});
        }
        if (count > guest::kMaxInfoChannels) {
            judge.violated(
                {.message = fmt::format("`{}` has {} channels, at most {} fit", name, count, guest::kMaxInfoChannels),
                 .partitions = {name},
                 .key = "count",
                 .primary = model.partitions[p].name.span,
                 .help = "give the partition fewer channels"});
        }
    }
    if (model.channels.size() > manifest::kMaxChannels) {
        judge.violated({.message = fmt::format("the appliance has {} channels, at most {} fit", model.channels.size(),
                                               manifest::kMaxChannels),
                        .key = "total",
                        .primary = model.channels.back().name.span,
                        .help = "join channels between the same two partitions"});
    }
}

void sizes_bytes(const Context& context, Judge& judge) {
    Pieces found; // for the solver: the channel's number, and its size
    Pieces expected;
    bool holds = true;
    for (std::size_t c = 0; c < context.model.channels.size(); ++c) {
        const config::Channel& channel = context.model.channels[c];
        const PlacedChannel& placed = context.places->channels[c];
        if (placed.record != nullptr) {
            found.push_back({c, c + 1, placed.size});
            expected.push_back({c, c + 1, channel.size.value});
        }
        if (placed.record != nullptr && placed.size != channel.size.value) {
            holds = false;
            judge.violated({.message = fmt::format("channel `{}` has {} in the image, expected {}", channel.name.value,
                                                   bytes_text(placed.size), bytes_text(channel.size.value)),
                            .key = "channel-" + channel.name.value,
                            .witness = "host-physical " + address(placed.base),
                            .primary = channel.size.span});
        }
    }
    judge.solver_agrees(
        holds, [&](unsigned timeout) { return smt::equal_functions("chan.sizes", found, expected, false, timeout); });
}

} // namespace

const Property kChanSizes{
    .id = "chan.sizes",
    .title = "channels have their declared size and fit",
    .statement =
        "Every channel is whole pages, as many in the image as declared; each partition's channels fit between "
        "0xd0000000 and 0xfec00000 of its address space.",
    .level = Level::bytes,
    .rests_on = "the fixed map of the guest board",
    .manual = "septum/guest/board.hpp",
    .mend = kNotFromThisModel,
    .model = sizes_model,
    .bytes = sizes_bytes,
};

} // namespace septum::verifier
