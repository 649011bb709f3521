// SPDX-License-Identifier: Apache-2.0
// Channels: one writer, one reader, no code, the declared size, the declared bell.
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/info.hpp>

#include <map>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr unsigned kHostBits = 52;
// Below the local APIC's page and the interrupt controllers' usual places, so that no guest takes a channel for them.
constexpr std::uint64_t kChannelLimit = 0xFEC0'0000;

void directed_model(const Context& context, Judge& judge) {
    const config::Model& model = context.model;
    for (const config::Channel& channel : model.channels) {
        judge.rests_on(channel.from.span);
        judge.rests_on(channel.to.span);
        const std::string& name = channel.name.value;
        if (channel.from.value >= model.partitions.size() || channel.to.value >= model.partitions.size()) {
            judge.violated({.message = fmt::format("channel `{}` has an end that is no partition", name),
                            .key = "channel-" + name,
                            .primary = channel.span});
        } else if (channel.from.value == channel.to.value) {
            const std::string& end = model.partitions[channel.from.value].name.value;
            judge.violated({.message = fmt::format("channel `{}` leads from `{}` to itself", name, end),
                            .partitions = {end},
                            .key = "channel-" + name,
                            .witness = fmt::format("`{}` would write and read it", end),
                            .primary = channel.to.span,
                            .label = "the same partition",
                            .related = {{channel.from.span, "writes it"}}});
        }
    }
}

void directed_bytes(const Context& context, Judge& judge) {
    const config::Model& model = context.model;
    const Facts& facts = *context.facts;
    // The records.
    if (facts.manifest.channels.size() != model.channels.size()) {
        judge.violated({.message = fmt::format("the image has {} channels, expected {}", facts.manifest.channels.size(),
                                               model.channels.size()),
                        .key = "count"});
    }
    Pieces declared; // the writer above, the channel's place below
    for (std::size_t c = 0; c < model.channels.size(); ++c) {
        const config::Channel& channel = model.channels[c];
        const PlacedChannel& placed = context.places->channels[c];
        if (placed.record == nullptr) {
            judge.violated({.message = fmt::format("channel `{}` is not in the image", channel.name.value),
                            .key = "channel-" + channel.name.value,
                            .primary = channel.span});
            continue;
        }
        const auto end = [&](std::uint16_t found, const config::Spanned<std::uint32_t>& expected, const char* what) {
            const std::string name = found < facts.partitions.size() ? facts.partitions[found].name : "nobody";
            const std::string wanted = model.partitions[expected.value].name.value;
            if (name != wanted) {
                judge.violated({.message = fmt::format("the {} of channel `{}` is `{}` in the image, expected `{}`",
                                                       what, channel.name.value, name, wanted),
                                .partitions = {name, wanted},
                                .key = "channel-" + channel.name.value,
                                .primary = expected.span});
            }
        };
        if (channel.from.value >= model.partitions.size() || channel.to.value >= model.partitions.size()) {
            continue;
        }
        end(placed.record->writer, channel.from, "writer");
        end(placed.record->reader, channel.to, "reader");
        const std::uint64_t key = static_cast<std::uint64_t>(channel.from.value) << kHostBits;
        declared.push_back({key + placed.base, key + placed.base + placed.size, c});
    }
    // The tables. Nothing is written by two, and what a channel's writer should write it does: so the writer of every
    // byte of a channel is the declared one and nobody else.
    Pieces writes;
    Pieces by_partition;
    for (std::size_t p = 0; p < facts.partitions.size(); ++p) {
        Pieces own;
        for (const Interval& interval : facts.partitions[p].reach_by_host) {
            if ((interval.access & decode::kAccessWrite) != 0) {
                own.push_back({interval.hpa, interval.hpa + interval.size, 0});
            }
        }
        for (const Piece& piece : united(std::move(own), p)) {
            writes.push_back(piece);
        }
    }
    for (std::size_t i = 0; i < model.partitions.size(); ++i) {
        const PartitionFacts* partition = context.places->partitions[i].facts;
        if (partition == nullptr) {
            continue;
        }
        const std::uint64_t key = static_cast<std::uint64_t>(i) << kHostBits;
        for (const Interval& interval : partition->reach_by_host) {
            if ((interval.access & decode::kAccessWrite) != 0) {
                by_partition.push_back({key + interval.hpa, key + interval.hpa + interval.size, 0});
            }
        }
    }
    const std::vector<Overlap> twice = overlaps(writes);
    for (const Overlap& overlap : twice) {
        const std::string& a = facts.partitions[overlap.earlier].name;
        const std::string& b = facts.partitions[overlap.later].name;
        judge.violated({.message = fmt::format("in the image `{}` and `{}` both write {}", a, b,
                                               range(overlap.first, overlap.end)),
                        .partitions = {a, b},
                        .key = "writers",
                        .witness = "host-physical " + address(overlap.first)});
    }
    judge.solver_agrees(twice.empty(), [&](unsigned timeout) {
        return smt::never_twice("chan.directed: one writer", writes, timeout);
    });
    const Pieces unwritten = without(declared, by_partition);
    for (const Piece& piece : unwritten) {
        const config::Channel& channel = model.channels[piece.value];
        const std::uint64_t mask = (1ULL << kHostBits) - 1;
        judge.violated({.message = fmt::format("`{}` can't write channel `{}` in the image",
                                               model.partitions[channel.from.value].name.value, channel.name.value),
                        .partitions = {model.partitions[channel.from.value].name.value},
                        .key = "channel-" + channel.name.value,
                        .witness = "host-physical " + address(piece.first & mask),
                        .primary = channel.from.span});
    }
    judge.solver_agrees(unwritten.empty(), [&](unsigned timeout) {
        return smt::within("chan.directed: the declared writer", united(declared), united(by_partition), timeout);
    });
}

void no_exec_bytes(const Context& context, Judge& judge) {
    Pieces channels;
    for (std::size_t c = 0; c < context.model.channels.size(); ++c) {
        const PlacedChannel& placed = context.places->channels[c];
        channels.push_back({placed.base, placed.base + placed.size, c});
    }
    Pieces code;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        for (const Interval& interval : context.facts->partitions[p].reach_by_host) {
            if ((interval.access & decode::kAccessExecute) != 0) {
                code.push_back({interval.hpa, interval.hpa + interval.size, p});
            }
        }
    }
    const std::vector<Overlap> found = common(channels, code);
    for (const Overlap& overlap : found) {
        const config::Channel& channel = context.model.channels[overlap.earlier];
        const std::string& name = context.facts->partitions[overlap.later].name;
        judge.violated({.message = fmt::format("`{}` can execute from channel `{}`", name, channel.name.value),
                        .partitions = {name},
                        .key = "channel-" + channel.name.value,
                        .witness = "host-physical " + address(overlap.first),
                        .primary = channel.name.span});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_both("chan.no-exec", channels, united(code), timeout);
    });
}

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

void doorbell_bytes(const Context& context, Judge& judge) {
    const config::Model& model = context.model;
    const Facts& facts = *context.facts;
    std::map<std::pair<std::uint16_t, std::uint8_t>, std::string> vectors;
    for (std::size_t c = 0; c < model.channels.size(); ++c) {
        const config::Channel& channel = model.channels[c];
        judge.rests_on(channel.doorbell_span);
        const manifest::Channel* record = context.places->channels[c].record;
        if (record == nullptr || channel.to.value >= model.partitions.size()) {
            continue;
        }
        const std::string& name = channel.name.value;
        const std::string& reader = model.partitions[channel.to.value].name.value;
        const auto say = [&](std::string message, const char* key) {
            judge.violated({.message = std::move(message),
                            .partitions = {reader},
                            .key = fmt::format("{}:{}", key, name),
                            .witness = fmt::format("vector {:#x}", record->vector),
                            .primary = channel.doorbell_span.known() ? channel.doorbell_span : channel.name.span});
        };
        if ((record->doorbell != 0) != channel.doorbell || record->doorbell > 1) {
            say(fmt::format("channel `{}` {} a doorbell in the image", name, channel.doorbell ? "lacks" : "has"),
                "bell");
        }
        const std::uint8_t expected = context.declared.channels[c].vector;
        if (record->vector != expected) {
            say(fmt::format("the doorbell of `{}` interrupts with vector {}, expected {}", name, record->vector,
                            expected),
                "vector");
        }
        const PartitionFacts* partition = context.places->partitions[channel.to.value].facts;
        const bool first_cpu = partition != nullptr && record->reader_cpu == partition->record.first_cpu &&
                               record->reader_cpu < facts.manifest.cpus.size();
        if (!first_cpu) {
            say(fmt::format("the doorbell of `{}` rings CPU {}, which is not the first of `{}`", name,
                            record->reader_cpu, reader),
                "cpu");
        }
        if (record->vector != 0) {
            const auto [other, fresh] = vectors.emplace(std::pair{record->reader, record->vector}, name);
            if (!fresh) {
                say(fmt::format("the doorbells of `{}` and `{}` interrupt `{}` with the same vector", name,
                                other->second, reader),
                    "same");
            }
        }
    }
}

constexpr const char* kRebuild = "build the image anew; if it stays, the tables were not made from this model";

} // namespace

const Property kChanDirected{
    .id = "chan.directed",
    .title = "each channel has one writer and one reader",
    .statement =
        "No byte of memory is written by two partitions, and every byte of a channel is written by its declared "
        "writer, so by nobody else; the manifest names the same writer and reader. That only the two ends read "
        "it is mem.disjoint. On the model alone: the ends are two different partitions.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded",
    .manual = "AMD APM volume 2 §15.25.5",
    .mend = "let a channel lead from one partition to another; declare a second one for answers",
    .model = directed_model,
    .bytes = directed_bytes,
};

const Property kChanNoExec{
    .id = "chan.no-exec",
    .title = "no code runs from a channel",
    .statement = "No partition can execute from the memory of any channel.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded; EFER.NXE, which the kernel sets",
    .manual = "AMD APM volume 2 §5.6.1, §15.25.5",
    .mend = kRebuild,
    .bytes = no_exec_bytes,
};

const Property kChanSizes{
    .id = "chan.sizes",
    .title = "channels have their declared size and fit",
    .statement =
        "Every channel is whole pages, as many in the image as declared; each partition's channels fit between "
        "0xd0000000 and 0xfec00000 of its address space.",
    .level = Level::bytes,
    .rests_on = "the fixed map of the guest board",
    .manual = "septum/guest/board.hpp",
    .mend = kRebuild,
    .model = sizes_model,
    .bytes = sizes_bytes,
};

const Property kChanDoorbell{
    .id = "chan.doorbell",
    .title = "doorbells ring where declared",
    .statement =
        "A channel has a doorbell in the image exactly when it is declared; it interrupts its reader's first CPU, "
        "with a vector of its own, or not at all for a reader that polls.",
    .level = Level::bytes,
    .rests_on = "the kernel's handler, which rings by these records; it is tested, not proved",
    .manual = "septum/manifest/manifest.hpp: Channel",
    .mend = kRebuild,
    .bytes = doorbell_bytes,
};

} // namespace septum::verifier
