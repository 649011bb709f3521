// SPDX-License-Identifier: Apache-2.0
// sched.fits: every partition gets the time it asks for. It has no meaning yet, and says so.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/no_shared_cpu.hpp"

namespace septum::verifier {

const Property kSchedFits{
    .id = "sched.fits",
    .title = "every partition gets the time it asks for",
    .statement = "The sum of a partition's slots is at least what it declares.",
    .level = Level::model,
    .rests_on = "the model",
    .manual = "",
    .mend = "",
    .fixed = Verdict::not_applicable,
    .reason = kNoSharedCpu,
};

} // namespace septum::verifier
