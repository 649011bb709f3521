// SPDX-License-Identifier: Apache-2.0
// One solver: created for one query, gone with it. Not included outside smt/.
#pragma once

#include "verifier/smt/query.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <z3++.h>

namespace septum::verifier::smt {

// Runs `ask` with a fresh solver and turns whatever the solver library throws into an `error` answer.
// `ask` fills the result; the name and the time are set here.
class Session {
public:
    explicit Session(unsigned timeout_ms);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    [[nodiscard]] z3::context& context() { return *context_; }
    [[nodiscard]] z3::solver& solver() { return *solver_; }
    [[nodiscard]] z3::expr number(std::uint64_t value) { return context_->int_val(value); }

    // A fact of constants, which the solver folds as soon as it has it: who records is given it as it was said.
    void add(const z3::expr& fact);

    // The facts are in; true when they can hold together. Otherwise `answer` says why not.
    [[nodiscard]] bool facts_hold(Answer& answer);
    // The negated property is in: unsat proves it. True when the answer is `violated` and a model is at hand.
    [[nodiscard]] bool refuted(Answer& answer);

    // The questions are of another logic than that of integers: SMT-LIB's name of it.
    void logic(const char* name) { logic_ = name; }

    // Solver and `assumed` together, asked and answered: kept when somebody records.
    void note(const std::string& query, const std::vector<z3::expr>& assumed, bool satisfiable);

    // The question was answered, so the context may serve this thread's next one.
    void settled() { settled_ = true; }

private:
    void give_up(Answer& answer);

    std::unique_ptr<z3::context> context_;
    std::optional<z3::solver> solver_; // gone before the context is
    std::vector<z3::expr> said_;       // while somebody records
    const char* logic_ = "QF_LIA";
    bool settled_ = false;
};

// Whether one of them holds: none is false, and one is itself, for SMT-LIB knows `or` of two or more only.
[[nodiscard]] z3::expr one_of(Session& session, const z3::expr_vector& all);

[[nodiscard]] Answer run(std::string query, unsigned timeout_ms, const std::function<void(Session&, Answer&)>& ask);

} // namespace septum::verifier::smt
