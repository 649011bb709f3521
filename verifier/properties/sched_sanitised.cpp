// SPDX-License-Identifier: Apache-2.0
// sched.sanitised: a switch leaves nothing behind. It has no meaning yet, and says so.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/no_shared_cpu.hpp"

namespace septum::verifier {

const Property kSchedSanitised{
    .id = "sched.sanitised",
    .title = "a switch leaves nothing behind",
    .statement = "Every switch of a shared CPU flushes what the policy asks.",
    .level = Level::model,
    .rests_on = "the model",
    .manual = "AMD APM volume 2 §3.2.9",
    .mend = "",
    .fixed = Verdict::not_applicable,
    .reason = kNoSharedCpu,
};

} // namespace septum::verifier
