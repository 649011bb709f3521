// SPDX-License-Identifier: Apache-2.0
// mem.payload-fits: initial memory lies in the partition's RAM.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr unsigned kGuestBits = 48; // of a guest address, below the partition's number in one key

// The same once more: guest address → distance to the host's, of what is copied and of what the partition is shown.
void by_solver(const Pieces& copied, const Pieces& shown, Judge& judge) {
    const bool apart = overlaps(copied).empty();
    judge.solver_agrees(
        apart, [&](unsigned timeout) { return smt::never_twice("mem.payload-fits: segments", copied, timeout); });
    judge.solver_agrees(without(copied, shown).empty(), [&](unsigned timeout) {
        return smt::within("mem.payload-fits: inside RAM", united(copied), united(shown), timeout);
    });
    if (apart && is_disjoint(shown)) {
        const std::vector<Difference> found = differences(joined(copied), joined(shown));
        const bool same = std::none_of(found.begin(), found.end(), [](const Difference& difference) {
            return difference.left != kAbsent && difference.right != kAbsent;
        });
        judge.solver_agrees(same, [&](unsigned timeout) {
            return smt::equal_functions("mem.payload-fits: places", copied, shown, true, timeout);
        });
    }
}

// What one starts with is nobody else's: a segment that reached into the next one would give its partition the other's
// initial memory to read. Of all partitions of the image, whether declared or not.
void copied_once(const Context& context, Judge& judge) {
    Pieces taken; // offsets in the bundle
    std::vector<std::pair<std::string, std::size_t>> segments;
    for (const PartitionFacts& facts : context.facts->partitions) {
        for (std::size_t n = 0; n < facts.payloads.size(); ++n) {
            const PayloadFact& payload = facts.payloads[n];
            if (payload.size != 0) {
                taken.push_back({payload.offset, payload.offset + payload.size, segments.size()});
                segments.emplace_back(facts.name, n);
            }
        }
    }
    const std::vector<Overlap> found = overlaps(taken);
    for (const Overlap& overlap : found) {
        const auto& [one, first] = segments[overlap.earlier];
        const auto& [other, second] = segments[overlap.later];
        judge.violated({.message = fmt::format("segment {} of `{}` and segment {} of `{}` are the same bytes of the "
                                               "bundle, {}",
                                               first, one, second, other, range(overlap.first, overlap.end)),
                        .partitions = {one, other},
                        .key = "same bytes",
                        .witness = "bundle offset " + address(overlap.first)});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_twice("mem.payload-fits: bytes of the bundle", sorted(std::move(taken)), timeout);
    });
}

void payload_fits(const Context& context, Judge& judge) {
    copied_once(context, judge);
    Pieces copied;
    Pieces shown;
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        const PlacedPartition& placed = context.places->partitions[i];
        const std::uint64_t base = i << kGuestBits;
        if (placed.facts == nullptr) {
            continue;
        }
        const config::Partition& partition = context.model.partitions[i];
        judge.rests_on(partition.memory.span);
        const std::string& name = partition.name.value;
        Pieces ram;
        for (const Grant& grant : context.declared.partitions[i].grants) {
            if (grant.kind == manifest::RegionKind::ram) {
                ram.push_back({grant.gpa, grant.end(), 0});
            }
        }
        Pieces guest;
        Pieces host;
        for (std::size_t n = 0; n < placed.facts->payloads.size(); ++n) {
            const PayloadFact& payload = placed.facts->payloads[n];
            if (!payload.in_bundle) {
                judge.violated({.message = fmt::format("segment {} of `{}` lies outside the bundle", n, name),
                                .partitions = {name},
                                .key = "bundle",
                                .witness = "bundle offset " + address(payload.offset),
                                .primary = partition.boot.image.span});
            }
            const std::uint64_t end = payload.gpa + payload.size;
            if (end < payload.gpa) {
                judge.violated({.message = fmt::format("segment {} of `{}` ends past the last address", n, name),
                                .partitions = {name},
                                .key = "wrap",
                                .witness = "guest-physical " + address(payload.gpa),
                                .primary = partition.boot.image.span});
                continue;
            }
            if (payload.size != 0 && end <= 1ULL << kGuestBits) { // what lies higher is outside all RAM, said below
                copied.push_back({base + payload.gpa, base + end, payload.hpa - payload.gpa});
            }
            for (const Piece& piece : without({{payload.gpa, end, 0}}, ram)) {
                judge.violated({.message = fmt::format("the initial memory of `{}` covers {}, which is not its RAM",
                                                       name, range(piece.first, piece.end)),
                                .partitions = {name},
                                .key = "outside",
                                .witness = "guest-physical " + address(piece.first),
                                .primary = partition.memory.span,
                                .help = "give the partition more memory"});
            }
            // Every byte goes where the tables will show it.
            Pieces wanted{{payload.gpa, end, payload.hpa - payload.gpa}};
            Pieces found;
            for (const Piece& piece : placed.expected) {
                const std::uint64_t first = std::max(piece.first, payload.gpa);
                const std::uint64_t last = std::min(piece.end, end);
                if (first < last) {
                    found.push_back({first, last, piece.value});
                }
            }
            for (const Difference& difference : differences(joined(wanted), joined(found))) {
                judge.violated({.message = fmt::format("segment {} of `{}` is copied to host-physical {}, where the "
                                                       "partition does not see it at {}",
                                                       n, name, address(difference.first + (payload.hpa - payload.gpa)),
                                                       address(difference.first)),
                                .partitions = {name},
                                .key = "place",
                                .witness = "host-physical " + address(difference.first + (payload.hpa - payload.gpa))});
            }
            guest.push_back({payload.gpa, end, n});
            host.push_back({payload.hpa, payload.hpa + payload.size, n});
        }
        for (const Piece& piece : placed.ram_by_guest) {
            shown.push_back({base + piece.first, base + piece.end, piece.value});
        }
        for (const Overlap& overlap : overlaps(guest)) {
            judge.violated({.message = fmt::format("segments {} and {} of `{}` both fill {}", overlap.earlier,
                                                   overlap.later, name, range(overlap.first, overlap.end)),
                            .partitions = {name},
                            .key = "overlap",
                            .witness = "guest-physical " + address(overlap.first),
                            .primary = partition.boot.image.span});
        }
    }
    by_solver(sorted(std::move(copied)), sorted(std::move(shown)), judge);
}

} // namespace

const Property kMemPayloadFits{
    .id = "mem.payload-fits",
    .title = "initial memory lies in the partition's RAM",
    .statement =
        "Every segment that the kernel copies at launch lies wholly in the declared RAM of its partition, at the "
        "host-physical place where that partition sees it, and no two segments overlap. No byte of the bundle belongs "
        "to two segments, so nobody starts with another's memory.",
    .level = Level::bytes,
    .rests_on = "the manifest's list of segments, which is what the kernel copies by",
    .manual = "septum/manifest/manifest.hpp: Payload",
    .mend = "build the image anew; if it stays, the payload does not fit the partition",
    .bytes = payload_fits,
};

} // namespace septum::verifier
