// SPDX-License-Identifier: Apache-2.0
// Reachability for the solver. `to` can't be reached from `from` exactly when there is a set of nodes that holds
// `from`, is closed under the edges, and does not hold `to`. The solver finds such a set or shows that none is.
#include "verifier/smt/session.hpp"

#include <algorithm>

namespace septum::verifier::smt {

namespace {

// The closed sets of one separation: one Boolean per node.
void constrain(Session& session, std::size_t number, std::uint32_t nodes, const std::vector<Edge>& edges,
               const Separation& separation, const z3::expr& goal) {
    std::vector<z3::expr> in;
    in.reserve(nodes);
    for (std::uint32_t node = 0; node < nodes; ++node) {
        in.push_back(
            session.context().bool_const(("in" + std::to_string(number) + "_" + std::to_string(node)).c_str()));
    }
    std::vector<bool> removed(nodes, false);
    for (const std::uint32_t node : separation.without) {
        removed[node] = true;
    }
    for (const Edge& edge : edges) {
        if (!removed[edge.from] && !removed[edge.to]) {
            session.solver().add(z3::implies(in[edge.from], in[edge.to]));
        }
    }
    if (removed[separation.from] || removed[separation.to]) {
        return; // an end that every path must pass separates trivially
    }
    session.solver().add(z3::implies(goal, in[separation.from] && !in[separation.to]));
}

} // namespace

Answer separated(std::string query, std::uint32_t nodes, const std::vector<Edge>& edges,
                 const std::vector<Separation>& separations, unsigned timeout_ms) {
    return run(std::move(query), timeout_ms, [&](Session& session, Answer& answer) {
        std::vector<z3::expr> goals;
        for (std::size_t i = 0; i < separations.size(); ++i) {
            goals.push_back(session.context().bool_const(("goal" + std::to_string(i)).c_str()));
            constrain(session, i, nodes, edges, separations[i], goals.back());
        }
        if (!session.facts_hold(answer)) {
            return;
        }
        z3::expr_vector all(session.context());
        for (const z3::expr& goal : goals) {
            all.push_back(goal);
        }
        switch (session.solver().check(all)) {
        case z3::sat: // the sets that separate exist
            session.note(answer.query + ", separated", goals, true);
            answer.result = Result::proved;
            return;
        case z3::unsat:
            session.note(answer.query + ", separated", goals, false);
            break;
        case z3::unknown:
            answer.result = Result::unknown;
            answer.detail = session.solver().reason_unknown();
            return;
        }
        answer.result = Result::violated;
        for (std::size_t i = 0; i < goals.size(); ++i) {
            z3::expr_vector one(session.context());
            one.push_back(goals[i]);
            if (session.solver().check(one) == z3::unsat) {
                answer.rules.push_back(i);
            }
        }
    });
}

} // namespace septum::verifier::smt
