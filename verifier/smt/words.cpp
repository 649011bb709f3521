// SPDX-License-Identifier: Apache-2.0
// Words of records and texts: is there a place at which something stands that may not?
#include "verifier/smt/session.hpp"

#include <algorithm>

namespace septum::verifier::smt {

namespace {

constexpr unsigned kWidth = 64;
constexpr unsigned kPlaceBits = 32;

// Of all letters, and one bit above them: so texts of different lengths differ.
z3::expr text_value(Session& session, const std::string& text, unsigned width) {
    std::vector<std::uint8_t> bits;
    bits.reserve(width);
    const auto push = [&](unsigned letter) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            bits.push_back((letter >> bit & 1U) != 0 ? 1 : 0);
        }
    };
    for (const char letter : text) {
        push(static_cast<unsigned char>(letter));
    }
    push(1);
    bits.resize(width, 0);
    const auto values = std::make_unique<bool[]>(width);
    std::copy(bits.begin(), bits.end(), values.get());
    return session.context().bv_val(width, values.get());
}

} // namespace

Answer words_allowed(std::string query, const std::vector<Word>& words, unsigned timeout_ms) {
    return run(std::move(query), timeout_ms, [&](Session& session, Answer& answer) {
        session.logic("QF_BV");
        const auto number = [&](std::uint64_t value) { return session.context().bv_val(value, kWidth); };
        const z3::expr place = session.context().bv_const("place", kPlaceBits);
        z3::expr_vector places(session.context());
        for (std::size_t i = 0; i < words.size(); ++i) {
            const z3::expr looked_at = number(words[i].found) & number(words[i].mask);
            const z3::expr wrong = words[i].least == words[i].most ? looked_at != number(words[i].least)
                                                                   : z3::ult(looked_at, number(words[i].least)) ||
                                                                         z3::ugt(looked_at, number(words[i].most));
            places.push_back(place == session.context().bv_val(static_cast<unsigned>(i), kPlaceBits) && wrong);
        }
        const z3::expr wrong = session.context().bool_const("wrong");
        session.add(wrong == one_of(session, places));
        if (!session.facts_hold(answer)) {
            return;
        }
        session.add(wrong);
        if (session.refuted(answer)) {
            answer.witness = session.solver().get_model().eval(place, true).get_numeral_uint64();
        }
    });
}

Answer texts_allowed(std::string query, const std::vector<std::string>& found, const std::vector<std::string>& required,
                     const std::vector<std::string>& allowed, unsigned timeout_ms) {
    return run(std::move(query), timeout_ms, [&](Session& session, Answer& answer) {
        session.logic("QF_BV");
        std::size_t longest = 0;
        for (const auto* texts : {&required, &allowed}) {
            for (const std::string& text : *texts) {
                longest = std::max(longest, text.size());
            }
        }
        // What was found may have any length. Cut here, it is still longer than all that it may be.
        const std::size_t cut = longest + 1;
        const auto width = static_cast<unsigned>(8 * (cut + 1));
        const z3::expr text = session.context().bv_const("text", width);
        const auto among = [&](const char* name, const std::vector<std::string>& texts) {
            z3::expr is = session.context().bool_val(false);
            for (const std::string& each : texts) {
                is = is || text == text_value(session, each.substr(0, cut), width);
            }
            z3::expr constant = session.context().bool_const(name);
            session.add(constant == is);
            return constant;
        };
        const z3::expr is_found = among("found", found);
        const z3::expr is_required = among("required", required);
        const z3::expr is_allowed = among("allowed", allowed);
        if (!session.facts_hold(answer)) {
            return;
        }
        session.add((is_found && !is_allowed) || (is_required && !is_found));
        (void)session.refuted(answer);
    });
}

Answer together(std::vector<Answer> answers) {
    Answer out;
    out.result = Result::proved;
    for (Answer& answer : answers) {
        const bool answered = answer.result == Result::proved || answer.result == Result::violated;
        if (!answered) {
            return std::move(answer);
        }
        if (out.query.empty() || (answer.result == Result::violated && out.result == Result::proved)) {
            out = std::move(answer);
        }
    }
    return out;
}

} // namespace septum::verifier::smt
