// SPDX-License-Identifier: Apache-2.0
// mem.permissions: rights equal the declared ones.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/memory_reach.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void check_permissions(const Context& context, Judge& judge) {
    const ReachWorld world = gather_reach(
        context, [](const Interval& interval) { return static_cast<std::uint64_t>(interval.access); },
        [&](std::size_t i, auto&& add) {
            for (const Grant& grant : all_grants(context.declared, *context.places, i)) {
                add(grant.gpa, grant.end(), grant.access);
            }
        });
    compare_reach(context, judge, world, true, "mem.permissions",
                  [&](const Difference& difference, const Reached& reached, const Grant* grant, std::uint64_t gpa,
                      std::uint64_t) {
                      const std::string what =
                          grant == nullptr
                              ? "this memory"
                              : grant_text(context.model, static_cast<std::uint32_t>(difference.first >> kGpaBits),
                                           *grant);
                      Said said;
                      said.message = fmt::format("`{}` has {} on {}, but {} is declared", reached.name,
                                                 access_text(static_cast<std::uint8_t>(difference.left)), what,
                                                 access_text(static_cast<std::uint8_t>(difference.right)));
                      said.witness = "guest-physical " + address(gpa);
                      return said;
                  });
}

} // namespace

const Property kMemPermissions{
    .id = "mem.permissions",
    .title = "rights equal the declared ones",
    .statement = "Wherever a partition reaches declared memory, its rights are exactly the declared ones: RAM rwx, a "
                 "channel rw- for its writer and r-- for its reader, a device's registers rw-.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded; EFER.NXE, which the kernel sets",
    .manual = "AMD APM volume 2 §5.4, §5.6, §15.25.5",
    .mend = kNotFromThisModel,
    .bytes = check_permissions,
};

} // namespace septum::verifier
