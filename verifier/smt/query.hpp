// SPDX-License-Identifier: Apache-2.0
// Questions for the solver. Every query has a name and an answer that is never a bool: what is not `proved` or
// `violated` is not an answer, and nobody may take it for one.
//
// The facts are intervals over one integer key. They enter the solver as balanced trees of comparisons over that
// key, so a query grows with the number of intervals and not with the number of addresses. What is no interval is a
// word of a record, a text, or a rule of bits: these enter as bit vectors. Each query first asks whether the facts
// alone are satisfiable: a contradiction among them would prove anything.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace septum::verifier::smt {

enum class Result : std::uint8_t { proved, violated, unknown, timeout, error };
[[nodiscard]] const char* name(Result result);

struct Answer {
    std::string query;
    Result result = Result::error;
    std::string detail;             // for unknown, timeout and error: why
    std::uint64_t witness = 0;      // for violated: a key
    std::vector<std::size_t> rules; // for violated separations: their numbers
    double seconds = 0;
};

// Keys [first, end), first < end, carry `value`.
struct Piece {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::uint64_t value = 0;
    friend bool operator==(const Piece&, const Piece&) = default;
};

// What keys outside every piece carry.
inline constexpr std::uint64_t kAbsent = ~0ULL;

// Is `left` = `right` at every key? Pieces of one side are sorted and disjoint; otherwise the answer is `error`.
// With `common`, only keys at which both sides have a value count.
[[nodiscard]] Answer equal_functions(std::string query, const std::vector<Piece>& left, const std::vector<Piece>& right,
                                     bool common, unsigned timeout_ms);

// Is no key in two pieces? They may come in any order and overlap in any way; values don't matter.
[[nodiscard]] Answer never_twice(std::string query, std::vector<Piece> pieces, unsigned timeout_ms);

// Is no key in both sets? Pieces of one set may overlap each other.
[[nodiscard]] Answer never_both(std::string query, const std::vector<Piece>& left, const std::vector<Piece>& right,
                                unsigned timeout_ms);

// Is every key of `inner` in `outer`?
[[nodiscard]] Answer within(std::string query, const std::vector<Piece>& inner, const std::vector<Piece>& outer,
                            unsigned timeout_ms);

struct Edge {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
};
// In the graph without the nodes `without`, `to` can't be reached from `from`.
struct Separation {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::vector<std::uint32_t> without;
};
// Do all separations hold? One query; only when it fails, one per separation to say which.
[[nodiscard]] Answer separated(std::string query, std::uint32_t nodes, const std::vector<Edge>& edges,
                               const std::vector<Separation>& separations, unsigned timeout_ms);

// A value as it was found, and what may stand in its place: `found` & `mask`, unsigned, in [least, most].
struct Word {
    std::uint64_t found = 0;
    std::uint64_t mask = ~0ULL;
    std::uint64_t least = 0;
    std::uint64_t most = 0;
};
// Does every word hold what it may?
[[nodiscard]] Answer words_allowed(std::string query, const std::vector<Word>& words, unsigned timeout_ms);

// Is every text of `found` one of `allowed`, and every one of `required` among `found`?
[[nodiscard]] Answer texts_allowed(std::string query, const std::vector<std::string>& found,
                                   const std::vector<std::string>& required, const std::vector<std::string>& allowed,
                                   unsigned timeout_ms);

// One register of what CPUID answers by a rule: (what the processor says & mask) | set.
struct CpuidWord {
    std::uint32_t leaf = 0;
    std::uint32_t subleaf = 0;
    std::uint32_t index = 0; // 0 to 3: EAX, EBX, ECX, EDX
    std::uint32_t mask = 0;
    std::uint32_t set = 0;
    friend auto operator<=>(const CpuidWord&, const CpuidWord&) = default;
};
struct CpuidBits {
    std::uint32_t leaf = 0;
    std::uint32_t subleaf = 0;
    std::uint32_t index = 0;
    std::uint32_t bits = 0;
};
// Is there no subleaf and no processor with which a register shows one of the bits? Rules and bits of `any_subleaf` are
// of every one.
[[nodiscard]] Answer never_shown(std::string query, const std::vector<CpuidWord>& words,
                                 const std::vector<CpuidBits>& hidden, std::uint32_t any_subleaf, unsigned timeout_ms);

// What is said of a register of the machine: `value` & `mask` is `expected`, or, with `at_least`, no less than it.
struct Demand {
    std::uint64_t mask = 0;
    std::uint64_t expected = 0;
    bool at_least = false;
};
// A demand, and the ones that are made of the same register.
struct Implied {
    Demand needed;
    std::vector<Demand> made;
};
// Is each of them implied by one that is made: does it look at all of its bits, and is there no value that it lets pass
// and the needed one does not?
[[nodiscard]] Answer all_implied(std::string query, const std::vector<Implied>& all, unsigned timeout_ms);

// Several questions as one: it is answered when all are, and proved when all are proved.
[[nodiscard]] Answer together(std::vector<Answer> answers);

} // namespace septum::verifier::smt
