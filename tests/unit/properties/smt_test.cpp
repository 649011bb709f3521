// SPDX-License-Identifier: Apache-2.0
// The solver's answers: never a bool, a witness that is one, and the same verdict as enumeration over random facts.
#include "verifier/properties/shared/intervals.hpp"
#include "verifier/smt/query.hpp"

#include <gtest/gtest.h>

#include <future>
#include <random>

namespace septum::verifier::smt {

namespace {

constexpr unsigned kTimeout = 600'000; // milliseconds; a second is enough

TEST(Solver, SaysWhichKeyTwoFunctionsDifferAt) {
    const std::vector<Piece> left{{0, 10, 1}, {10, 20, 2}};
    EXPECT_EQ(equal_functions("q", left, left, false, kTimeout).result, Result::proved);
    // Cut elsewhere, the same function.
    EXPECT_EQ(equal_functions("q", left, {{0, 3, 1}, {3, 10, 1}, {10, 20, 2}}, false, kTimeout).result, Result::proved);
    const Answer answer = equal_functions("q", left, {{0, 10, 1}, {10, 15, 2}, {15, 20, 3}}, false, kTimeout);
    EXPECT_EQ(answer.result, Result::violated);
    EXPECT_EQ(answer.query, "q");
    EXPECT_GE(answer.witness, 15U);
    EXPECT_LT(answer.witness, 20U);
}

TEST(Solver, ComparesOnlyCommonKeysWhenAsked) {
    EXPECT_EQ(equal_functions("q", {{0, 10, 1}}, {{5, 20, 1}}, true, kTimeout).result, Result::proved);
    EXPECT_EQ(equal_functions("q", {{0, 10, 1}}, {{5, 20, 1}}, false, kTimeout).result, Result::violated);
    EXPECT_EQ(equal_functions("q", {{0, 10, 1}}, {{5, 20, 2}}, true, kTimeout).result, Result::violated);
}

TEST(Solver, RefusesPiecesThatAreNoFunction) {
    const Answer answer = equal_functions("q", {{0, 10, 1}, {5, 20, 2}}, {}, false, kTimeout);
    EXPECT_EQ(answer.result, Result::error);
    EXPECT_FALSE(answer.detail.empty());
    EXPECT_EQ(equal_functions("q", {{5, 20, 2}, {0, 3, 1}}, {}, false, kTimeout).result, Result::error);
}

TEST(Solver, HoldsOverNothing) {
    EXPECT_EQ(equal_functions("q", {}, {}, false, kTimeout).result, Result::proved);
    EXPECT_EQ(never_twice("q", {}, kTimeout).result, Result::proved);
    EXPECT_EQ(never_both("q", {}, {{0, 5, 0}}, kTimeout).result, Result::proved);
    EXPECT_EQ(within("q", {}, {}, kTimeout).result, Result::proved);
    EXPECT_EQ(within("q", {{0, 1, 0}}, {}, kTimeout).result, Result::violated);
}

TEST(Solver, AgreesWithEnumeration) {
    std::mt19937 random(7);
    const auto pieces = [&] {
        std::vector<Piece> out;
        for (std::size_t i = random() % 6; i > 0; --i) {
            const std::uint64_t first = random() % 200;
            out.push_back({first, first + random() % 30, random() % 2});
        }
        return out;
    };
    const auto verdict = [](bool holds) { return holds ? Result::proved : Result::violated; };
    for (int round = 0; round < 150; ++round) {
        const std::vector<Piece> left = pieces();
        const std::vector<Piece> right = pieces();
        EXPECT_EQ(never_twice("q", left, kTimeout).result, verdict(overlaps(left).empty()));
        EXPECT_EQ(never_both("q", left, right, kTimeout).result, verdict(common(left, right).empty()));
        EXPECT_EQ(within("q", left, right, kTimeout).result, verdict(without(left, right).empty()));
        const std::vector<Piece> a = united(left, 1);
        const std::vector<Piece> b = united(right, 1);
        EXPECT_EQ(equal_functions("q", a, b, false, kTimeout).result, verdict(differences(a, b).empty()));
    }
}

TEST(Solver, SeparatesWhatCantBeReached) {
    // 0 → 1 → 2, 3 alone.
    const std::vector<Edge> edges{{0, 1}, {1, 2}};
    EXPECT_EQ(separated("q", 4, edges, {{0, 3, {}}, {2, 0, {}}, {3, 1, {}}}, kTimeout).result, Result::proved);
    const Answer answer = separated("q", 4, edges, {{0, 3, {}}, {0, 2, {}}, {1, 0, {}}}, kTimeout);
    EXPECT_EQ(answer.result, Result::violated);
    EXPECT_EQ(answer.rules, (std::vector<std::size_t>{1}));
    EXPECT_EQ(separated("q", 4, edges, {{0, 2, {1}}}, kTimeout).result, Result::proved);
}

TEST(Solver, SeparatesInACycle) {
    const std::vector<Edge> edges{{0, 1}, {1, 0}, {1, 2}, {2, 1}};
    EXPECT_EQ(separated("q", 4, edges, {{0, 3, {}}}, kTimeout).result, Result::proved);
    EXPECT_EQ(separated("q", 4, edges, {{0, 2, {}}}, kTimeout).result, Result::violated);
}

TEST(Solver, RunsOutOfTimeWithoutAnAnswer) {
    // Many pieces and a millisecond: whatever it says, it must not be a verdict that is wrong.
    std::vector<Piece> many;
    for (std::uint64_t i = 0; i < 8000; ++i) {
        many.push_back({i * 3, i * 3 + 2, i});
    }
    const Answer answer = never_twice("q", many, 1);
    EXPECT_NE(answer.result, Result::violated);
    if (answer.result != Result::proved) {
        EXPECT_TRUE(answer.result == Result::timeout || answer.result == Result::unknown) << name(answer.result);
    }
}

// A thread's questions share a context; no fact or outcome of one may show in the next.
TEST(Solver, IsNotAskedOfMoreThanItAnswersSoon) {
    std::vector<Piece> pieces;
    for (std::uint64_t i = 0; i < 2'048; i++)
        pieces.push_back({2 * i, 2 * i + 1, i});
    EXPECT_EQ(never_twice("q", pieces, kTimeout).result, Result::proved);
    for (const Answer& answer :
         {never_twice(
              "q",
              [&] {
                  auto more = pieces;
                  more.push_back({70'000, 70'001, 0});
                  return more;
              }(),
              kTimeout),
          never_both("q", pieces, {{0, 1, 0}}, kTimeout), within("q", {{0, 1, 0}}, pieces, kTimeout),
          equal_functions("q", pieces, {{0, 1, 0}}, false, kTimeout)}) {
        EXPECT_EQ(answer.result, Result::unknown);
        EXPECT_EQ(answer.detail, "2049 intervals, at most 2048 are put to the solver");
    }
}

TEST(Solver, ForgetsWhatItWasAskedBefore) {
    std::vector<Piece> many;
    for (std::uint64_t i = 0; i < 5000; ++i) {
        many.push_back({i * 3, i * 3 + 2, i});
    }
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(never_twice("q", {{0, 10, 0}, {5, 15, 0}}, kTimeout).result, Result::violated);
        EXPECT_EQ(never_twice("q", {{0, 10, 0}, {10, 15, 0}}, kTimeout).result, Result::proved);
        EXPECT_NE(never_twice("q", many, 1).result, Result::violated);
        EXPECT_EQ(within("q", {{2, 4, 0}}, {{0, 10, 0}}, kTimeout).result, Result::proved);
        EXPECT_EQ(equal_functions("q", {{0, 10, 1}, {5, 20, 2}}, {}, false, kTimeout).result, Result::error);
        EXPECT_EQ(within("q", {{2, 4, 0}}, {{3, 10, 0}}, kTimeout).witness, 2U);
        EXPECT_EQ(separated("q", 3, {{0, 1}}, {{0, 1, {}}}, kTimeout).result, Result::violated);
        EXPECT_EQ(separated("q", 3, {{1, 0}}, {{0, 1, {}}}, kTimeout).result, Result::proved);
    }
}

TEST(Solver, AnswersSeveralThreadsAtOnce) {
    const auto ask = [] {
        std::vector<Result> said;
        for (std::uint64_t i = 0; i < 20; ++i) {
            said.push_back(never_both("q", {{0, 10, 0}}, {{i, i + 1, 0}}, kTimeout).result);
        }
        return said;
    };
    std::vector<std::future<std::vector<Result>>> threads(4);
    for (auto& thread : threads) {
        thread = std::async(std::launch::async, ask);
    }
    for (auto& thread : threads) {
        const std::vector<Result> said = thread.get();
        for (std::size_t i = 0; i < said.size(); ++i) {
            EXPECT_EQ(said[i], i < 10 ? Result::violated : Result::proved) << i;
        }
    }
}

TEST(Solver, KeysMayUseAllSixtyFourBits) {
    const std::uint64_t top = ~0ULL;
    const Answer answer = never_twice("q", {{top - 10, top, 1}, {top - 5, top, 2}}, kTimeout);
    EXPECT_EQ(answer.result, Result::violated);
    EXPECT_GE(answer.witness, top - 5);
}

} // namespace

} // namespace septum::verifier::smt
