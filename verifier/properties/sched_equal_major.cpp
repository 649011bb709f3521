// SPDX-License-Identifier: Apache-2.0
// sched.equal-major: major frames are equally long. It has no meaning yet, and says so.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/no_shared_cpu.hpp"

namespace septum::verifier {

const Property kSchedEqualMajor{
    .id = "sched.equal-major",
    .title = "major frames are equally long",
    .statement = "All shared CPUs have the same major frame.",
    .level = Level::model,
    .rests_on = "the model",
    .manual = "",
    .mend = "",
    .fixed = Verdict::not_applicable,
    .reason = kNoSharedCpu,
};

} // namespace septum::verifier
