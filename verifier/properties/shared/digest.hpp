// SPDX-License-Identifier: Apache-2.0
// A digest as the manifest claims it against the one of the bytes.
#pragma once

#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

// Says where they differ. `what` was measured; `partition` is whose it is, or empty.
void compare_digest(Judge& judge, const DigestFact& digest, const std::string& what, const std::string& partition);

} // namespace septum::verifier
