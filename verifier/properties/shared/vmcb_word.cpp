// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/vmcb_word.hpp"

namespace septum::verifier {

void vmcb_word(Words& words, const decode::Vmcb& vmcb, std::uint32_t offset, std::uint64_t expected,
               std::uint64_t mask) {
    for (const decode::VmcbField& field : vmcb.fields) {
        if (field.offset == offset) {
            words.is(field.value, expected, mask);
            return;
        }
    }
    words.lacking(); // the template could not be read
}

void vmcb_intercept(Words& words, const decode::Vmcb& vmcb, decode::Intercept intercept) {
    const auto bit = static_cast<unsigned>(intercept);
    vmcb_word(words, vmcb, bit / 32 * 4, 1ULL << bit % 32, 1ULL << bit % 32);
}

} // namespace septum::verifier
