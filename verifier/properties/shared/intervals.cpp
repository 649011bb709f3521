// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/intervals.hpp"

#include <algorithm>

namespace septum::verifier {

Pieces sorted(Pieces pieces) {
    std::erase_if(pieces, [](const Piece& piece) { return piece.first >= piece.end; });
    std::sort(pieces.begin(), pieces.end(),
              [](const Piece& a, const Piece& b) { return a.first != b.first ? a.first < b.first : a.end < b.end; });
    return pieces;
}

Pieces joined(Pieces pieces) {
    Pieces out;
    for (const Piece& piece : sorted(std::move(pieces))) {
        if (!out.empty() && out.back().end == piece.first && out.back().value == piece.value) {
            out.back().end = piece.end;
        } else {
            out.push_back(piece);
        }
    }
    return out;
}

Pieces united(Pieces pieces, std::uint64_t value) {
    Pieces out;
    for (const Piece& piece : sorted(std::move(pieces))) {
        if (!out.empty() && piece.first <= out.back().end) {
            out.back().end = std::max(out.back().end, piece.end);
        } else {
            out.push_back({piece.first, piece.end, value});
        }
    }
    return out;
}

bool is_disjoint(const Pieces& sorted_pieces) {
    std::uint64_t end = 0;
    for (const Piece& piece : sorted_pieces) {
        if (piece.first < end) {
            return false;
        }
        end = std::max(end, piece.end);
    }
    return true;
}

std::vector<Overlap> overlaps(Pieces pieces) {
    std::vector<Overlap> out;
    const Pieces order = sorted(std::move(pieces));
    std::size_t longest = 0; // of those seen, the one that reaches furthest
    for (std::size_t i = 1; i < order.size(); ++i) {
        if (order[i].first < order[longest].end) {
            out.push_back(
                {order[i].first, std::min(order[i].end, order[longest].end), order[longest].value, order[i].value});
        }
        if (order[i].end > order[longest].end) {
            longest = i;
        }
    }
    return out;
}

std::vector<Overlap> every_overlap(Pieces pieces) {
    std::vector<Overlap> out;
    Pieces open; // those that reach past the one at hand
    for (const Piece& piece : sorted(std::move(pieces))) {
        std::erase_if(open, [&](const Piece& other) { return other.end <= piece.first; });
        for (const Piece& other : open) {
            out.push_back({piece.first, std::min(piece.end, other.end), other.value, piece.value});
        }
        open.push_back(piece);
    }
    return out;
}

std::vector<Overlap> common(const Pieces& left, const Pieces& right) {
    std::vector<Overlap> out;
    const Pieces a = sorted(left);
    const Pieces b = sorted(right);
    std::size_t longest_a = a.size();
    std::size_t longest_b = b.size();
    std::size_t i = 0;
    std::size_t j = 0;
    // One sweep over both: what begins is held against what reaches furthest on the other side.
    while (i < a.size() || j < b.size()) {
        const bool take_a = j == b.size() || (i < a.size() && a[i].first <= b[j].first);
        if (take_a) {
            if (longest_b < b.size() && a[i].first < b[longest_b].end) {
                out.push_back({a[i].first, std::min(a[i].end, b[longest_b].end), a[i].value, b[longest_b].value});
            }
            if (longest_a == a.size() || a[i].end > a[longest_a].end) {
                longest_a = i;
            }
            ++i;
        } else {
            if (longest_a < a.size() && b[j].first < a[longest_a].end) {
                out.push_back({b[j].first, std::min(b[j].end, a[longest_a].end), a[longest_a].value, b[j].value});
            }
            if (longest_b == b.size() || b[j].end > b[longest_b].end) {
                longest_b = j;
            }
            ++j;
        }
    }
    return out;
}

Pieces without(const Pieces& pieces, const Pieces& holes) {
    Pieces out;
    const Pieces gaps = united(holes);
    std::size_t from = 0;
    for (const Piece& piece : sorted(pieces)) {
        while (from < gaps.size() && gaps[from].end <= piece.first) {
            ++from;
        }
        std::uint64_t at = piece.first;
        for (std::size_t i = from; i < gaps.size() && gaps[i].first < piece.end; ++i) {
            if (gaps[i].first > at) {
                out.push_back({at, gaps[i].first, piece.value});
            }
            at = std::max(at, gaps[i].end);
        }
        if (at < piece.end) {
            out.push_back({at, piece.end, piece.value});
        }
    }
    return out;
}

std::vector<Difference> differences(const Pieces& left, const Pieces& right) {
    std::vector<Difference> out;
    std::size_t i = 0;
    std::size_t j = 0;
    std::uint64_t at = 0;
    while (i < left.size() || j < right.size()) {
        // At `at`: what each side says, and until where both go on saying it.
        std::uint64_t end = ~0ULL;
        std::uint64_t values[2] = {kAbsent, kAbsent};
        const auto look = [&](const Pieces& side, std::size_t& index, std::uint64_t& value) {
            if (index == side.size()) {
                return;
            }
            if (side[index].first <= at) {
                value = side[index].value;
                end = std::min(end, side[index].end);
            } else {
                end = std::min(end, side[index].first);
            }
        };
        look(left, i, values[0]);
        look(right, j, values[1]);
        if (values[0] != values[1]) {
            if (!out.empty() && out.back().end == at && out.back().left == values[0] && out.back().right == values[1]) {
                out.back().end = end;
            } else {
                out.push_back({at, end, values[0], values[1]});
            }
        }
        at = end;
        while (i < left.size() && left[i].end <= at) {
            ++i;
        }
        while (j < right.size() && right[j].end <= at) {
            ++j;
        }
    }
    return out;
}

} // namespace septum::verifier
