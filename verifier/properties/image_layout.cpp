// SPDX-License-Identifier: Apache-2.0
// image.layout: planned places do not overlap.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/kernel_ranges.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// Everything with a host-physical place, with its name.
std::vector<OwnRange> planned(const Context& context) {
    std::vector<OwnRange> out = kernel_ranges(*context.facts);
    for (const PartitionFacts& partition : context.facts->partitions) {
        for (const manifest::Region& region : partition.regions) {
            if (region.kind == manifest::RegionKind::ram) {
                out.push_back({"the RAM of " + ticked(partition.name), region.hpa.value, region.size});
            }
        }
    }
    for (const manifest::Channel& channel : context.facts->manifest.channels) {
        out.push_back(
            {"channel " + ticked(decode::text(channel.name)), channel.memory.base.value, channel.memory.size});
    }
    return out;
}

void layout(const Context& context, Judge& judge) {
    const std::vector<OwnRange> all = planned(context);
    Pieces pieces;
    Pieces memory;
    for (std::size_t i = 0; i < all.size(); ++i) {
        pieces.push_back({all[i].base, all[i].base + all[i].size, i});
        if (!all[i].device && !all[i].low) {
            memory.push_back(pieces.back());
        }
        if (all[i].base % kPageSize != 0 || all[i].size % kPageSize != 0 || all[i].base + all[i].size < all[i].base) {
            judge.violated({.message = fmt::format("{} lies at {} with {:#x} bytes, expected whole pages", all[i].name,
                                                   address(all[i].base), all[i].size),
                            .key = "pages:" + all[i].name,
                            .witness = "host-physical " + address(all[i].base)});
        }
    }
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        judge.violated({.message = fmt::format("{} and {} overlap at {}", all[overlap.earlier].name,
                                               all[overlap.later].name, range(overlap.first, overlap.end)),
                        .key = all[overlap.earlier].name + all[overlap.later].name,
                        .witness = "host-physical " + address(overlap.first)});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_twice("image.layout", pieces, timeout); });
    // The kernel looks for these ranges in the firmware's map: one that is left out would not be looked for.
    Pieces listed;
    for (const manifest::Range& ram : context.facts->manifest.ram) {
        listed.push_back({ram.base.value, ram.base.value + ram.size, 0});
    }
    const Pieces unlisted = without(memory, listed);
    for (const Piece& piece : unlisted) {
        judge.violated({.message = fmt::format("{} at {} is not on the list of memory that the kernel looks for",
                                               all[piece.value].name, range(piece.first, piece.end)),
                        .key = "unlisted:" + all[piece.value].name,
                        .witness = "host-physical " + address(piece.first)});
    }
    judge.solver_agrees(unlisted.empty(), [&](unsigned timeout) {
        return smt::within("image.layout: planned memory is listed", united(memory), united(listed), timeout);
    });
}

} // namespace

const Property kImageLayout{
    .id = "image.layout",
    .title = "planned places do not overlap",
    .statement = "The kernel, its workspace, manifest, tables, payload copies, the start page of processors, every "
                 "partition's RAM, every channel and the registers of APIC and IOMMU lie apart, in whole pages; all "
                 "memory among them is on the list that the kernel looks for in the firmware's map.",
    .level = Level::bytes,
    .rests_on = "the manifest, which is what the kernel places things by",
    .manual = "septum/manifest/manifest.hpp",
    .mend = kAlteredOnItsWay,
    .bytes = layout,
};

} // namespace septum::verifier
