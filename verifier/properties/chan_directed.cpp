// SPDX-License-Identifier: Apache-2.0
// chan.directed: each channel has one writer and one reader.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr unsigned kHostBits = 52;

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

} // namespace

const Property kChanDirected{
    .id = "chan.directed",
    .title = "each channel has one writer and one reader",
    .statement =
        "No byte of memory is written by two partitions, and every byte of a channel is written by its declared "
        "writer, so by nobody else; the manifest names the same writer and reader. That only the two ends read it is "
        "mem.disjoint. On the model alone: the ends are two different partitions.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded",
    .manual = "AMD APM volume 2 §15.25.5",
    .mend = "let a channel lead from one partition to another; declare a second one for answers",
    .model = directed_model,
    .bytes = directed_bytes,
};

} // namespace septum::verifier
