// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/words.hpp"

#include <algorithm>
#include <span>

namespace septum::verifier {

namespace {

template <typename Letter>
std::uint64_t letters(std::span<const Letter> text, std::size_t first) {
    std::uint64_t word = 0;
    for (std::size_t i = first; i < std::min(first + 8, text.size()); ++i) {
        word |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * (i - first));
    }
    return word;
}

} // namespace

void Words::text(std::string_view found, std::string_view expected) {
    is(found.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); i += 8) {
        is(letters(std::span(found), i), letters(std::span(expected), i));
    }
}

void Words::digest(const DigestFact& digest) {
    for (std::size_t i = 0; i < std::size(digest.claimed.bytes); i += 8) {
        is(letters(std::span<const std::uint8_t>(digest.computed.bytes), i),
           letters(std::span<const std::uint8_t>(digest.claimed.bytes), i));
    }
}

} // namespace septum::verifier
