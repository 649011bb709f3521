// SPDX-License-Identifier: Apache-2.0
// The interval algebra against counting on fingers: small keys, every key looked at.
#include "verifier/properties/shared/intervals.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace septum::verifier {

namespace {

constexpr std::uint64_t kKeys = 64;

Pieces random_pieces(std::mt19937& random, std::size_t count) {
    Pieces out;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t first = random() % kKeys;
        const std::uint64_t size = random() % 12; // sometimes empty
        out.push_back({first, std::min(first + size, kKeys), i});
    }
    return out;
}

Pieces random_function(std::mt19937& random) {
    Pieces out;
    std::uint64_t at = random() % 5;
    while (at < kKeys) {
        const std::uint64_t end = std::min(at + 1 + random() % 6, kKeys);
        out.push_back({at, end, random() % 3});
        at = end + random() % 3;
    }
    return out;
}

std::vector<std::uint64_t> owners(const Pieces& pieces, std::uint64_t key) {
    std::vector<std::uint64_t> out;
    for (const Piece& piece : pieces) {
        if (key >= piece.first && key < piece.end) {
            out.push_back(piece.value);
        }
    }
    return out;
}

TEST(Intervals, AdjacentPairsAreNotEnough) {
    // After sorting, the two small ones are neighbours and far apart; each lies in the large one.
    const auto found = overlaps({{0, 100, 1}, {10, 20, 2}, {50, 60, 3}});
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[1].earlier, 1U);
    EXPECT_EQ(found[1].later, 3U);
    EXPECT_EQ(found[1].first, 50U);
    EXPECT_EQ(found[1].end, 60U);
}

TEST(Intervals, TouchingIsNotOverlapping) {
    EXPECT_TRUE(overlaps({{0, 10, 1}, {10, 20, 2}}).empty());
    EXPECT_TRUE(common({{0, 10, 1}}, {{10, 20, 2}}).empty());
}

TEST(Intervals, OverlapsAgreeWithCounting) {
    std::mt19937 random(1);
    for (int round = 0; round < 2000; ++round) {
        const Pieces pieces = random_pieces(random, random() % 8);
        const auto found = overlaps(pieces);
        bool any = false;
        for (std::uint64_t key = 0; key < kKeys; ++key) {
            any = any || owners(pieces, key).size() > 1;
        }
        EXPECT_EQ(any, !found.empty());
        for (const Overlap& overlap : found) {
            ASSERT_LT(overlap.first, overlap.end);
            for (std::uint64_t key = overlap.first; key < overlap.end; ++key) {
                const auto who = owners(pieces, key);
                EXPECT_NE(std::find(who.begin(), who.end(), overlap.earlier), who.end());
                EXPECT_NE(std::find(who.begin(), who.end(), overlap.later), who.end());
            }
        }
        std::set<std::pair<std::uint64_t, std::uint64_t>> pairs;
        for (const Overlap& overlap : every_overlap(pieces)) {
            pairs.emplace(std::min(overlap.earlier, overlap.later), std::max(overlap.earlier, overlap.later));
        }
        std::set<std::pair<std::uint64_t, std::uint64_t>> expected;
        for (std::uint64_t key = 0; key < kKeys; ++key) {
            const auto who = owners(pieces, key);
            for (std::size_t a = 0; a < who.size(); ++a) {
                for (std::size_t b = a + 1; b < who.size(); ++b) {
                    expected.emplace(std::min(who[a], who[b]), std::max(who[a], who[b]));
                }
            }
        }
        EXPECT_EQ(pairs, expected);
    }
}

TEST(Intervals, CommonAgreesWithCounting) {
    std::mt19937 random(2);
    for (int round = 0; round < 2000; ++round) {
        const Pieces left = random_pieces(random, random() % 6);
        const Pieces right = random_pieces(random, random() % 6);
        const auto found = common(left, right);
        bool any = false;
        for (std::uint64_t key = 0; key < kKeys; ++key) {
            any = any || (!owners(left, key).empty() && !owners(right, key).empty());
        }
        EXPECT_EQ(any, !found.empty());
        for (const Overlap& overlap : found) {
            const auto l = owners(left, overlap.first);
            const auto r = owners(right, overlap.first);
            EXPECT_NE(std::find(l.begin(), l.end(), overlap.earlier), l.end());
            EXPECT_NE(std::find(r.begin(), r.end(), overlap.later), r.end());
        }
    }
}

TEST(Intervals, SubtractionAndUnionAgreeWithCounting) {
    std::mt19937 random(3);
    for (int round = 0; round < 2000; ++round) {
        const Pieces pieces = random_pieces(random, random() % 6);
        const Pieces holes = random_pieces(random, random() % 6);
        const Pieces rest = without(pieces, holes);
        const Pieces all = united(pieces, 9);
        EXPECT_TRUE(is_disjoint(all));
        for (std::uint64_t key = 0; key < kKeys; ++key) {
            const bool in = !owners(pieces, key).empty();
            EXPECT_EQ(!owners(rest, key).empty(), in && owners(holes, key).empty());
            EXPECT_EQ(!owners(all, key).empty(), in);
        }
    }
}

TEST(Intervals, DifferencesAgreeWithCounting) {
    std::mt19937 random(4);
    for (int round = 0; round < 2000; ++round) {
        const Pieces left = random_function(random);
        const Pieces right = random_function(random);
        std::vector<std::pair<std::uint64_t, std::uint64_t>> said(kKeys, {0, 0});
        std::vector<bool> differs(kKeys, false);
        for (const Difference& difference : differences(joined(left), joined(right))) {
            for (std::uint64_t key = difference.first; key < difference.end; ++key) {
                ASSERT_LT(key, kKeys);
                EXPECT_FALSE(differs[key]);
                differs[key] = true;
                said[key] = {difference.left, difference.right};
            }
        }
        for (std::uint64_t key = 0; key < kKeys; ++key) {
            const auto l = owners(left, key);
            const auto r = owners(right, key);
            const std::uint64_t a = l.empty() ? kAbsent : l[0];
            const std::uint64_t b = r.empty() ? kAbsent : r[0];
            EXPECT_EQ(differs[key], a != b);
            if (a != b) {
                EXPECT_EQ(said[key], std::pair(a, b));
            }
        }
    }
}

TEST(Intervals, TheLastAddressIsNoEdgeCase) {
    const std::uint64_t top = ~0ULL;
    EXPECT_EQ(overlaps({{top - 10, top, 1}, {top - 5, top, 2}}).size(), 1U);
    EXPECT_EQ(without({{0, top, 1}}, {{5, top, 0}}), (Pieces{{0, 5, 1}}));
}

} // namespace

} // namespace septum::verifier
