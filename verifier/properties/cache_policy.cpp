// SPDX-License-Identifier: Apache-2.0
// cache.policy: partitions share no cache that the policy parts. It has no meaning yet, and says so.
#include "verifier/properties/registry.hpp"

namespace septum::verifier {

const Property kCachePolicy{
    .id = "cache.policy",
    .title = "partitions share no cache that the policy parts",
    .statement = "Cache colours or ways are given out as the policy asks.",
    .level = Level::model,
    .rests_on = "the model",
    .manual = "AMD APM volume 2 §19.4",
    .mend = "",
    .fixed = Verdict::not_applicable,
    .reason = "no cache policy is declared; cache timing is outside the proof",
};

} // namespace septum::verifier
