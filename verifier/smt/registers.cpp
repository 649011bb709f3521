// SPDX-License-Identifier: Apache-2.0
// Registers of the machine, whose value nobody knows before it runs: the solver may take any.
#include "verifier/smt/session.hpp"

#include <map>
#include <utility>

namespace septum::verifier::smt {

Answer never_shown(std::string query, const std::vector<CpuidWord>& words, const std::vector<CpuidBits>& hidden,
                   std::uint32_t any_subleaf, unsigned timeout_ms) {
    return run(std::move(query), timeout_ms, [&](Session& session, Answer& answer) {
        constexpr unsigned kWidth = 32;
        session.logic("QF_BV");
        const auto number = [&](std::uint32_t value) { return session.context().bv_val(value, kWidth); };
        const z3::expr processor = session.context().bv_const("processor", kWidth);
        const z3::expr subleaf = session.context().bv_const("subleaf", kWidth);
        const auto of = [&](std::uint32_t which) {
            return which == any_subleaf ? session.context().bool_val(true) : subleaf == number(which);
        };
        std::multimap<std::pair<std::uint32_t, std::uint32_t>, const CpuidBits*> by_register;
        for (const CpuidBits& bits : hidden) {
            by_register.emplace(std::pair{bits.leaf, bits.index}, &bits);
        }
        z3::expr_vector places(session.context());
        for (const CpuidWord& word : words) {
            const auto [first, end] = by_register.equal_range({word.leaf, word.index});
            for (auto it = first; it != end; ++it) {
                const z3::expr answered = (processor & number(word.mask)) | number(word.set);
                places.push_back(of(word.subleaf) && of(it->second->subleaf) &&
                                 (answered & number(it->second->bits)) != number(0));
            }
        }
        const z3::expr shown = session.context().bool_const("shown");
        session.add(shown == one_of(session, places));
        if (!session.facts_hold(answer)) {
            return;
        }
        session.add(shown);
        if (session.refuted(answer)) {
            answer.witness = session.solver().get_model().eval(subleaf, true).get_numeral_uint64();
        }
    });
}

Answer all_implied(std::string query, const std::vector<Implied>& all, unsigned timeout_ms) {
    return run(std::move(query), timeout_ms, [&](Session& session, Answer& answer) {
        constexpr unsigned kWidth = 64;
        session.logic("QF_BV");
        const auto number = [&](std::uint64_t value) { return session.context().bv_val(value, kWidth); };
        const auto meets = [&](const z3::expr& value, const Demand& demand) {
            const z3::expr looked_at = value & number(demand.mask);
            return demand.at_least ? z3::uge(looked_at, number(demand.expected)) : looked_at == number(demand.expected);
        };
        // One value for each pair: it passes by the demand that is made, and not by the one that is needed.
        z3::expr lacking = session.context().bool_val(false);
        for (std::size_t i = 0; i < all.size(); ++i) {
            z3::expr none = session.context().bool_val(true);
            for (std::size_t k = 0; k < all[i].made.size(); ++k) {
                const std::string name = "value" + std::to_string(i) + "_" + std::to_string(k);
                const z3::expr value = session.context().bv_const(name.c_str(), kWidth);
                const z3::expr looks =
                    (number(all[i].made[k].mask) & number(all[i].needed.mask)) == number(all[i].needed.mask);
                none = none && (!looks || (meets(value, all[i].made[k]) && !meets(value, all[i].needed)));
            }
            lacking = lacking || none;
        }
        const z3::expr some = session.context().bool_const("lacking");
        session.add(some == lacking);
        if (!session.facts_hold(answer)) {
            return;
        }
        session.add(some);
        (void)session.refuted(answer);
    });
}

} // namespace septum::verifier::smt
