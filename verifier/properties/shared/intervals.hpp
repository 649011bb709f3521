// SPDX-License-Identifier: Apache-2.0
// Interval algebra for the exhaustive way: every operation sorts and sweeps, so its cost is near-linear in the number
// of intervals and independent of how many addresses they hold. Nested intervals are met by a running maximum end.
#pragma once

#include "verifier/smt/query.hpp"

#include <cstddef>
#include <vector>

namespace septum::verifier {

using smt::kAbsent;
using smt::Piece;
using Pieces = std::vector<Piece>;

// Keys [first, end) where two functions differ; `kAbsent` where a side has no value.
struct Difference {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::uint64_t left = kAbsent;
    std::uint64_t right = kAbsent;
};

// Keys [first, end) in two pieces, which are named by their values.
struct Overlap {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::uint64_t earlier = 0; // the piece that begins first
    std::uint64_t later = 0;
};

[[nodiscard]] Pieces sorted(Pieces pieces); // by first; empty ones dropped
// Sorted; neighbours of the same value joined. The pieces must be disjoint.
[[nodiscard]] Pieces joined(Pieces pieces);
// The set of keys, whatever the values (which become `value`): sorted, disjoint, joined.
[[nodiscard]] Pieces united(Pieces pieces, std::uint64_t value = 0);
[[nodiscard]] bool is_disjoint(const Pieces& sorted_pieces);

// At least one overlap is reported for every piece that begins inside an earlier one.
[[nodiscard]] std::vector<Overlap> overlaps(Pieces pieces);
// Keys in both; `earlier` is the value on the left, `later` on the right. Each side may overlap itself.
[[nodiscard]] std::vector<Overlap> common(const Pieces& left, const Pieces& right);
// Every overlapping pair: for pieces of which few lie over one key.
[[nodiscard]] std::vector<Overlap> every_overlap(Pieces pieces);
// Keys of `pieces` outside `holes`, values kept. Holes may overlap.
[[nodiscard]] Pieces without(const Pieces& pieces, const Pieces& holes);
// Both sorted and disjoint. Neighbouring differences are joined when they differ alike.
[[nodiscard]] std::vector<Difference> differences(const Pieces& left, const Pieces& right);

} // namespace septum::verifier
