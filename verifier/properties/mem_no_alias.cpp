// SPDX-License-Identifier: Apache-2.0
// mem.no-alias: one guest address per host byte.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// Within one partition no host byte has two guest addresses.
void check_no_alias(const Context& context, Judge& judge) {
    constexpr unsigned kHostBits = 52;
    Pieces pieces;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        for (const Interval& interval : context.facts->partitions[p].reach_by_host) {
            const std::uint64_t base = static_cast<std::uint64_t>(p) << kHostBits | interval.hpa;
            pieces.push_back({base, base + interval.size, interval.gpa});
        }
    }
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        const PartitionFacts& facts = context.facts->partitions[overlap.first >> kHostBits];
        const std::uint64_t hpa = overlap.first & ((1ULL << kHostBits) - 1);
        judge.violated({.message = fmt::format("`{}` reaches host-physical {} by two guest addresses, in the runs that "
                                               "begin at {} and {}",
                                               facts.name, range(hpa, hpa + (overlap.end - overlap.first)),
                                               address(overlap.earlier), address(overlap.later)),
                        .partitions = {facts.name},
                        .witness = "host-physical " + address(hpa)});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_twice("mem.no-alias", pieces, timeout); });
}

} // namespace

const Property kMemNoAlias{
    .id = "mem.no-alias",
    .title = "one guest address per host byte",
    .statement =
        "Within a partition no host-physical byte is reached by two guest-physical addresses. Across partitions "
        "mem.disjoint leaves only channels.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded",
    .manual = "AMD APM volume 2 §15.25",
    .mend = kNotFromThisModel,
    .bytes = check_no_alias,
};

} // namespace septum::verifier
