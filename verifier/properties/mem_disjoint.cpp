// SPDX-License-Identifier: Apache-2.0
// No byte of memory has two owners. On the model: what is pinned. On the bytes: what the nested tables reach.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// Something that owns host-physical memory: a partition, or a channel.
struct Owner {
    std::string name;      // in ticks
    std::string partition; // for the fingerprint; empty for a channel
    config::Span span;
};

struct Pinned {
    std::vector<Owner> owners;
    Pieces pieces; // value: index into owners
};

Pinned pinned(const config::Model& model) {
    Pinned out;
    const auto add = [&](const std::string& name, bool partition, const config::Spanned<std::uint64_t>& base,
                         std::uint64_t size) {
        out.pieces.push_back({base.value, base.value + size, out.owners.size()});
        out.owners.push_back({ticked(name), partition ? name : "", base.span});
    };
    for (const config::Partition& partition : model.partitions) {
        if (partition.base) {
            add(partition.name.value, true, *partition.base, partition.memory.value);
        }
    }
    for (const config::Channel& channel : model.channels) {
        if (channel.base) {
            add(channel.name.value, false, *channel.base, channel.size.value);
        }
    }
    return out;
}

void check_model(const Context& context, Judge& judge) {
    const Pinned all = pinned(context.model);
    for (const Owner& owner : all.owners) {
        judge.rests_on(owner.span);
    }
    const std::vector<Overlap> found = overlaps(all.pieces);
    for (const Overlap& overlap : found) {
        // Name first whose line comes later: that is the one to look at.
        std::uint64_t shown = overlap.later;
        std::uint64_t other = overlap.earlier;
        if (all.owners[shown].span.line < all.owners[other].span.line) {
            std::swap(shown, other);
        }
        const Owner& a = all.owners[shown];
        const Owner& b = all.owners[other];
        const Piece& piece = all.pieces[other];
        Said said;
        said.message = fmt::format("{} and {} both own {}", a.name, b.name, range(overlap.first, overlap.end));
        for (const Owner* owner : {&a, &b}) {
            if (!owner->partition.empty()) {
                said.partitions.push_back(owner->partition);
            } else {
                said.key += owner->name;
            }
        }
        said.witness = "host-physical " + address(overlap.first);
        said.primary = a.span;
        said.label = "overlaps by " + bytes_text(overlap.end - overlap.first);
        said.related.push_back({b.span, fmt::format("{} owns {}", b.name, range(piece.first, piece.end))});
        judge.violated(std::move(said));
    }
    if (!all.pieces.empty()) {
        judge.solver_agrees(found.empty(), [&](unsigned timeout) {
            return smt::never_twice("mem.disjoint: pinned places", all.pieces, timeout);
        });
    }
}

void check_bytes(const Context& context, Judge& judge) {
    std::vector<Owner> owners;
    Pieces pieces;
    const auto add = [&](const Owner& owner, const Pieces& reach) {
        for (const Piece& piece : reach) {
            pieces.push_back({piece.first, piece.end, owners.size()});
        }
        owners.push_back(owner);
    };
    const auto reach = [](const PartitionFacts& facts) {
        Pieces out;
        for (const Interval& interval : facts.reach_by_host) {
            out.push_back({interval.hpa, interval.hpa + interval.size, 0});
        }
        return out;
    };
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        const PlacedPartition& placed = context.places->partitions[i];
        if (placed.facts == nullptr) {
            continue;
        }
        const config::Partition& partition = context.model.partitions[i];
        Pieces own_channels;
        for (const Grant& grant : context.declared.partitions[i].grants) {
            if (grant.channel != ~0U) {
                const PlacedChannel& channel = context.places->channels[grant.channel];
                own_channels.push_back({channel.base, channel.base + channel.size, 0});
            }
            if (grant.kind == manifest::RegionKind::event_log) { // one owner, the kernel, and any number of readers
                const manifest::Range& log = context.facts->manifest.header.event_log;
                own_channels.push_back({log.base.value, log.base.value + log.size, 0});
            }
        }
        add({ticked(partition.name.value), partition.name.value, partition.name.span},
            without(united(reach(*placed.facts)), own_channels));
    }
    for (const PartitionFacts* facts : context.places->undeclared) {
        add({ticked(facts->name), facts->name, {}}, united(reach(*facts)));
    }
    for (std::size_t c = 0; c < context.model.channels.size(); ++c) {
        const PlacedChannel& channel = context.places->channels[c];
        const config::Channel& declared = context.model.channels[c];
        add({"channel " + ticked(declared.name.value), "", declared.name.span},
            {{channel.base, channel.base + channel.size, 0}});
    }
    pieces = sorted(std::move(pieces));
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        const Owner& a = owners[overlap.earlier];
        const Owner& b = owners[overlap.later];
        Said said;
        said.message =
            fmt::format("in the image {} and {} both reach {}", a.name, b.name, range(overlap.first, overlap.end));
        for (const Owner* owner : {&a, &b}) {
            if (!owner->partition.empty()) {
                said.partitions.push_back(owner->partition);
            } else {
                said.key += owner->name;
            }
        }
        said.witness = "host-physical " + address(overlap.first);
        said.primary = a.span;
        said.related.push_back({b.span, b.name});
        judge.violated(std::move(said));
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_twice("mem.disjoint: reach of all partitions", pieces, timeout);
    });
}

} // namespace

const Property kMemDisjoint{
    .id = "mem.disjoint",
    .title = "no memory has two owners",
    .statement =
        "No byte of host-physical memory is reached by two partitions, except a channel's by its two ends; no "
        "channel's memory is part of a partition's RAM or of another channel. On the model alone: no two pinned "
        "ranges overlap.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded",
    .manual = "AMD APM volume 2 §15.25",
    .mend = "declare a channel between them, or leave `base` out and let the planner place it",
    .model = check_model,
    .bytes = check_bytes,
};

} // namespace septum::verifier
