// SPDX-License-Identifier: Apache-2.0
// sched.complete: every slot of a shared CPU has an owner. It has no meaning yet, and says so.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/no_shared_cpu.hpp"

namespace septum::verifier {

const Property kSchedComplete{
    .id = "sched.complete",
    .title = "every slot of a shared CPU has an owner",
    .statement = "The minor frames of every shared CPU fill its major frame.",
    .level = Level::model,
    .rests_on = "the model",
    .manual = "",
    .mend = "",
    .fixed = Verdict::not_applicable,
    .reason = kNoSharedCpu,
};

} // namespace septum::verifier
