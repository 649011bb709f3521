// SPDX-License-Identifier: Apache-2.0
// mem.memory-type: memory is cached as declared.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/memory_reach.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void check_type(const Context& context, Judge& judge) {
    const ReachWorld world = gather_reach(
        context, [](const Interval& interval) { return static_cast<std::uint64_t>(interval.type); },
        [&](std::size_t i, auto&& add) {
            for (const Grant& grant : all_grants(context.declared, *context.places, i)) {
                add(grant.gpa, grant.end(),
                    static_cast<std::uint64_t>(grant.kind == manifest::RegionKind::device
                                                   ? decode::CacheType::uncacheable
                                                   : decode::CacheType::write_back));
            }
        });
    compare_reach(
        context, judge, world, true, "mem.memory-type",
        [&](const Difference& difference, const Reached& reached, const Grant*, std::uint64_t gpa, std::uint64_t) {
            Said said;
            said.message = fmt::format("`{}` reaches memory at guest-physical {} as {}, expected {}", reached.name,
                                       address(gpa), decode::name(static_cast<decode::CacheType>(difference.left)),
                                       decode::name(static_cast<decode::CacheType>(difference.right)));
            said.witness = "guest-physical " + address(gpa);
            return said;
        });
}

} // namespace

const Property kMemMemoryType{
    .id = "mem.memory-type",
    .title = "memory is cached as declared",
    .statement = "Wherever a partition reaches declared memory, the nested tables ask for write-back caching; of a "
                 "device's registers they ask for none.",
    .level = Level::bytes,
    .rests_on = "the host PAT at its reset value; MTRRs as the firmware set them for RAM",
    .manual = "AMD APM volume 2 §7.8, §15.25.8",
    .mend = kNotFromThisModel,
    .bytes = check_type,
};

} // namespace septum::verifier
