// SPDX-License-Identifier: Apache-2.0
// A field of a VMCB template by its place in the format, as words for the solver.
#pragma once

#include "verifier/properties/shared/words.hpp"

namespace septum::verifier {

// The bits `mask` of the field that begins at `offset` (AMD APM volume 2, appendix B) are `expected`.
void vmcb_word(Words& words, const decode::Vmcb& vmcb, std::uint32_t offset, std::uint64_t expected,
               std::uint64_t mask = ~0ULL);
// An intercept is set.
void vmcb_intercept(Words& words, const decode::Vmcb& vmcb, decode::Intercept intercept);

} // namespace septum::verifier
