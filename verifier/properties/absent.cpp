// SPDX-License-Identifier: Apache-2.0
// Properties whose subject this version does not have: said so, with the reason, rather than left out.
#include "verifier/properties/registry.hpp"

namespace septum::verifier {

namespace {
constexpr const char* kNoSharedCpu = "no CPU is shared";
}

#define SEPTUM_ABSENT(symbol, name, heading, claim, section, why)                                                      \
    const Property symbol {                                                                                            \
        .id = name, .title = heading, .statement = claim, .level = Level::model, .rests_on = "the model",              \
        .manual = section, .mend = "", .fixed = Verdict::not_applicable, .reason = why,                                \
    }

SEPTUM_ABSENT(kCachePolicy, "cache.policy", "partitions share no cache that the policy parts",
              "Cache colours or ways are given out as the policy asks.", "AMD APM volume 2 §19.4",
              "no cache policy is declared; cache timing is outside the proof");
SEPTUM_ABSENT(kSchedComplete, "sched.complete", "every slot of a shared CPU has an owner",
              "The minor frames of every shared CPU fill its major frame.", "", kNoSharedCpu);
SEPTUM_ABSENT(kSchedNoOverlap, "sched.no-overlap", "no slot has two owners",
              "The minor frames of a shared CPU don't overlap.", "", kNoSharedCpu);
SEPTUM_ABSENT(kSchedEqualMajor, "sched.equal-major", "major frames are equally long",
              "All shared CPUs have the same major frame.", "", kNoSharedCpu);
SEPTUM_ABSENT(kSchedFits, "sched.fits", "every partition gets the time it asks for",
              "The sum of a partition's slots is at least what it declares.", "", kNoSharedCpu);
SEPTUM_ABSENT(kSchedSanitised, "sched.sanitised", "a switch leaves nothing behind",
              "Every switch of a shared CPU flushes what the policy asks.", "AMD APM volume 2 §3.2.9", kNoSharedCpu);

#undef SEPTUM_ABSENT

} // namespace septum::verifier
