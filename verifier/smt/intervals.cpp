// SPDX-License-Identifier: Apache-2.0
// Interval facts as trees of comparisons over one key.
#include "verifier/smt/session.hpp"

#include <algorithm>
#include <span>

namespace septum::verifier::smt {

namespace {

// One step of a piecewise constant function: from `at` on, it has `value`.
struct Step {
    std::uint64_t at;
    std::uint64_t value;
};

bool well_formed(const std::vector<Piece>& pieces) {
    std::uint64_t end = 0;
    for (const Piece& piece : pieces) {
        if (piece.first < end || piece.first >= piece.end) {
            return false;
        }
        end = piece.end;
    }
    return true;
}

std::vector<Step> steps(const std::vector<Piece>& pieces) {
    std::vector<Step> out{{0, kAbsent}};
    for (const Piece& piece : pieces) {
        if (out.back().at == piece.first) {
            out.back().value = piece.value;
        } else {
            out.push_back({piece.first, piece.value});
        }
        out.push_back({piece.end, kAbsent});
    }
    return out;
}

z3::expr function(Session& session, const z3::expr& key, std::span<const Step> part) {
    if (part.size() == 1) {
        return session.number(part[0].value);
    }
    const std::size_t middle = part.size() / 2;
    return z3::ite(key < session.number(part[middle].at), function(session, key, part.first(middle)),
                   function(session, key, part.subspan(middle)));
}

struct Membership {
    z3::expr once;
    z3::expr twice;
    std::uint64_t first; // every piece lies in [first, end)
    std::uint64_t end;
};

// `once`: the key is in some piece; `twice`: it is in two. The combination is exact for pieces that overlap in any
// way, since a key in two pieces meets them in one half, or one in each. Each node also says the range that it spans:
// that adds nothing, but lets the solver leave a half at its root instead of at each of its leaves.
Membership membership(Session& session, const z3::expr& key, std::span<const Piece> part) {
    const auto in = [&](std::uint64_t first, std::uint64_t end) {
        return key >= session.number(first) && key < session.number(end);
    };
    const z3::expr never = session.context().bool_val(false);
    if (part.empty()) {
        return {never, never, 0, 0};
    }
    if (part.size() == 1) {
        return {in(part[0].first, part[0].end), never, part[0].first, part[0].end};
    }
    const std::size_t middle = part.size() / 2;
    const Membership left = membership(session, key, part.first(middle));
    const Membership right = membership(session, key, part.subspan(middle));
    const std::uint64_t first = std::min(left.first, right.first);
    const std::uint64_t end = std::max(left.end, right.end);
    const z3::expr spanned = in(first, end);
    return {spanned && (left.once || right.once), spanned && (left.twice || right.twice || (left.once && right.once)),
            first, end};
}

std::vector<Piece> by_start(std::vector<Piece> pieces) {
    std::erase_if(pieces, [](const Piece& piece) { return piece.first >= piece.end; });
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.first < b.first; });
    return pieces;
}

z3::expr free_key(Session& session) {
    z3::expr key = session.context().int_const("key");
    session.solver().add(key >= 0);
    return key;
}

void conclude(Session& session, Answer& answer, const z3::expr& key, const z3::expr& negated) {
    if (!session.facts_hold(answer)) {
        return;
    }
    session.solver().add(negated);
    if (session.refuted(answer)) {
        answer.witness = session.solver().get_model().eval(key, true).get_numeral_uint64();
    }
}

// A name for a set: a fact `name ⇔ membership`, so that the facts without the goal say something.
z3::expr named(Session& session, const char* name, const z3::expr& meaning) {
    z3::expr constant = session.context().bool_const(name);
    session.solver().add(constant == meaning);
    return constant;
}

// More than any machine that a file can describe has, and few enough for an answer within a second or two. An image may
// hold millions; the question is not put then, and the property not proved.
constexpr std::size_t kMostPieces = 2'048;

bool too_many(std::size_t pieces, Answer& answer) {
    if (pieces <= kMostPieces)
        return false;
    answer.result = Result::unknown;
    answer.detail =
        std::to_string(pieces) + " intervals, at most " + std::to_string(kMostPieces) + " are put to the solver";
    return true;
}

} // namespace

Answer equal_functions(std::string query, const std::vector<Piece>& left, const std::vector<Piece>& right, bool common,
                       unsigned timeout_ms) {
    return run(std::move(query), timeout_ms, [&](Session& session, Answer& answer) {
        if (!well_formed(left) || !well_formed(right)) {
            answer.detail = "the pieces of one side overlap or are out of order";
            return;
        }
        if (too_many(left.size() + right.size(), answer))
            return;
        const z3::expr key = free_key(session);
        const z3::expr a = session.context().int_const("left");
        const z3::expr b = session.context().int_const("right");
        session.solver().add(a == function(session, key, steps(left)));
        session.solver().add(b == function(session, key, steps(right)));
        z3::expr differ = a != b;
        if (common) {
            differ = differ && a != session.number(kAbsent) && b != session.number(kAbsent);
        }
        conclude(session, answer, key, differ);
    });
}

Answer never_twice(std::string query, std::vector<Piece> pieces, unsigned timeout_ms) {
    return run(std::move(query), timeout_ms, [&](Session& session, Answer& answer) {
        if (too_many(pieces.size(), answer))
            return;
        const z3::expr key = free_key(session);
        const std::vector<Piece> sorted = by_start(std::move(pieces));
        conclude(session, answer, key, named(session, "twice", membership(session, key, sorted).twice));
    });
}

Answer never_both(std::string query, const std::vector<Piece>& left, const std::vector<Piece>& right,
                  unsigned timeout_ms) {
    return run(std::move(query), timeout_ms, [&](Session& session, Answer& answer) {
        if (too_many(left.size() + right.size(), answer))
            return;
        const z3::expr key = free_key(session);
        const z3::expr a = named(session, "left", membership(session, key, by_start(left)).once);
        const z3::expr b = named(session, "right", membership(session, key, by_start(right)).once);
        conclude(session, answer, key, a && b);
    });
}

Answer within(std::string query, const std::vector<Piece>& inner, const std::vector<Piece>& outer,
              unsigned timeout_ms) {
    return run(std::move(query), timeout_ms, [&](Session& session, Answer& answer) {
        if (too_many(inner.size() + outer.size(), answer))
            return;
        const z3::expr key = free_key(session);
        const z3::expr a = named(session, "inner", membership(session, key, by_start(inner)).once);
        const z3::expr b = named(session, "outer", membership(session, key, by_start(outer)).once);
        conclude(session, answer, key, a && !b);
    });
}

} // namespace septum::verifier::smt
