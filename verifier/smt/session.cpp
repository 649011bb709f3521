// SPDX-License-Identifier: Apache-2.0
#include "verifier/smt/session.hpp"

#include "verifier/smt/record.hpp"

#include <chrono>
#include <exception>

namespace septum::verifier::smt {

namespace {

// Making a context takes longer than answering most questions. So a thread has one for all that it asks, each with a
// solver of its own that holds no fact of another. A context in which a question was not answered is not used again.
std::unique_ptr<z3::context>& spare_context() {
    thread_local std::unique_ptr<z3::context> spare;
    return spare;
}

std::unique_ptr<z3::context> take_context() {
    std::unique_ptr<z3::context> taken = std::move(spare_context());
    return taken ? std::move(taken) : std::make_unique<z3::context>();
}

} // namespace

const char* name(Result result) {
    switch (result) {
    case Result::proved:
        return "proved";
    case Result::violated:
        return "violated";
    case Result::unknown:
        return "unknown";
    case Result::timeout:
        return "timeout";
    case Result::error:
        break;
    }
    return "error";
}

// The simple solver goes straight to the SMT core: on interval trees over one integer it is an order of magnitude
// faster than the default tactic, which spends its time on preprocessing.
Session::Session(unsigned timeout_ms)
    : context_(take_context()), solver_(std::in_place, *context_, z3::solver::simple()) {
    z3::params params(*context_);
    params.set("timeout", timeout_ms == 0 ? 1U : timeout_ms);
    params.set("ctrl_c", false); // its handler of SIGINT is one for all threads; the program has its own
    solver_->set(params);
}

Session::~Session() {
    said_.clear();
    solver_.reset();
    if (settled_) {
        spare_context() = std::move(context_);
    }
}

void Session::give_up(Answer& answer) {
    const std::string why = solver_->reason_unknown();
    // Z3 says `timeout` or `canceled`, by version, when the time is up.
    answer.result = why == "timeout" || why == "canceled" ? Result::timeout : Result::unknown;
    answer.detail = why;
}

void Session::add(const z3::expr& fact) {
    if (recording()) {
        said_.push_back(fact);
    }
    solver_->add(fact);
}

void Session::note(const std::string& query, const std::vector<z3::expr>& assumed, bool satisfiable) {
    if (!recording()) {
        return;
    }
    const char* const status = satisfiable ? "sat" : "unsat";
    if (!said_.empty()) {
        std::vector<Z3_ast> facts(said_.begin(), said_.end() - 1);
        record({query,
                Z3_benchmark_to_smtlib_string(*context_, "", nullptr, status, "", static_cast<unsigned>(facts.size()),
                                              facts.data(), said_.back()),
                logic_, satisfiable});
        return;
    }
    z3::solver copy(*context_, z3::solver::simple());
    for (const z3::expr& fact : solver_->assertions()) {
        copy.add(fact);
    }
    for (const z3::expr& fact : assumed) {
        copy.add(fact);
    }
    record({query, copy.to_smt2(status), logic_, satisfiable});
}

bool Session::facts_hold(Answer& answer) {
    switch (solver_->check()) {
    case z3::sat:
        note(answer.query + ", facts", {}, true);
        return true;
    case z3::unsat:
        answer.result = Result::error;
        answer.detail = "the facts contradict each other";
        return false;
    case z3::unknown:
        break;
    }
    give_up(answer);
    return false;
}

bool Session::refuted(Answer& answer) {
    switch (solver_->check()) {
    case z3::unsat:
        note(answer.query + ", negated", {}, false);
        answer.result = Result::proved;
        return false;
    case z3::sat:
        note(answer.query + ", negated", {}, true);
        answer.result = Result::violated;
        return true;
    case z3::unknown:
        break;
    }
    give_up(answer);
    return false;
}

z3::expr one_of(Session& session, const z3::expr_vector& all) {
    return all.empty() ? session.context().bool_val(false) : all.size() == 1 ? all[0] : z3::mk_or(all);
}

Answer run(std::string query, unsigned timeout_ms, const std::function<void(Session&, Answer&)>& ask) {
    const auto start = std::chrono::steady_clock::now();
    Answer answer;
    answer.query = std::move(query);
    try {
        Session session(timeout_ms);
        ask(session, answer);
        if (answer.result == Result::proved || answer.result == Result::violated) {
            session.settled();
        }
    } catch (const z3::exception& e) {
        answer.result = Result::error;
        answer.detail = e.msg();
    } catch (const std::exception& e) {
        answer.result = Result::error;
        answer.detail = e.what();
    }
    answer.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return answer;
}

} // namespace septum::verifier::smt
