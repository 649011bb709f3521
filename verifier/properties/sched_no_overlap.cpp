// SPDX-License-Identifier: Apache-2.0
// sched.no-overlap: no slot has two owners. It has no meaning yet, and says so.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/no_shared_cpu.hpp"

namespace septum::verifier {

const Property kSchedNoOverlap{
    .id = "sched.no-overlap",
    .title = "no slot has two owners",
    .statement = "The minor frames of a shared CPU don't overlap.",
    .level = Level::model,
    .rests_on = "the model",
    .manual = "",
    .mend = "",
    .fixed = Verdict::not_applicable,
    .reason = kNoSharedCpu,
};

} // namespace septum::verifier
