// SPDX-License-Identifier: Apache-2.0
// Whose every page of the sealed tables is, and that nothing lies in the bundle that nobody describes.
#pragma once

#include "verifier/facts/facts.hpp"

namespace septum::verifier {

// Fills shared_tables, unused_tables, described and the defects for stray bytes among tables and payloads.
void find_coverage(ByteSpan bundle, Facts& facts);

} // namespace septum::verifier
