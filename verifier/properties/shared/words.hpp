// SPDX-License-Identifier: Apache-2.0
// Words of records for the solver, each with what may stand in its place. They are gathered from the facts and the
// model for themselves, beside the enumeration and not from what it found.
#pragma once

#include "verifier/properties/shared/judge.hpp"

#include <string_view>

namespace septum::verifier {

class Words {
public:
    void is(std::uint64_t found, std::uint64_t expected, std::uint64_t mask = ~0ULL) {
        words_.push_back({found, mask, expected, expected});
    }
    void none_of(std::uint64_t found, std::uint64_t bits) { is(found, 0, bits); }
    void between(std::uint64_t found, std::uint64_t least, std::uint64_t most) {
        words_.push_back({found, ~0ULL, least, most});
    }
    void lacking() { is(0, 1); }                                  // what should be found is not there
    void text(std::string_view found, std::string_view expected); // its length, and eight letters in a word
    void digest(const DigestFact& digest);

    [[nodiscard]] smt::Answer allowed(const std::string& query, unsigned timeout_ms) const {
        return smt::words_allowed(query, words_, timeout_ms);
    }

private:
    std::vector<smt::Word> words_;
};

} // namespace septum::verifier
