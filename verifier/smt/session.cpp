// SPDX-License-Identifier: Apache-2.0
#include "verifier/smt/session.hpp"

#include "verifier/smt/record.hpp"

#include <chrono>
#include <exception>
#include <memory>

namespace septum::verifier::smt {

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
Session::Session(z3::context& context, unsigned timeout_ms)
    : context_(context), solver_(context, z3::solver::simple()) {
    z3::params params(context_);
    params.set("timeout", timeout_ms == 0 ? 1U : timeout_ms);
    solver_.set(params);
}

void Session::give_up(Answer& answer) {
    const std::string why = solver_.reason_unknown();
    // Z3 says `timeout` or `canceled`, by version, when the time is up.
    answer.result = why == "timeout" || why == "canceled" ? Result::timeout : Result::unknown;
    answer.detail = why;
}

void Session::note(const std::string& query, const std::vector<z3::expr>& assumed, bool satisfiable) {
    if (!recording()) {
        return;
    }
    z3::solver copy(context_, z3::solver::simple());
    for (const z3::expr& fact : solver_.assertions()) {
        copy.add(fact);
    }
    for (const z3::expr& fact : assumed) {
        copy.add(fact);
    }
    const std::string status = satisfiable ? "sat" : "unsat";
    record({query, copy.to_smt2(status.c_str()), satisfiable});
}

bool Session::facts_hold(Answer& answer) {
    switch (solver_.check()) {
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
    switch (solver_.check()) {
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

namespace {

// A context only makes and keeps terms; what is asserted, learned and decided is the solver's, which each query has
// anew. Making a context fills 16 MiB of tables, many times what most queries take, so a thread keeps its own.
thread_local std::unique_ptr<z3::context> kept;

} // namespace

Answer run(std::string query, unsigned timeout_ms, const std::function<void(Session&, Answer&)>& ask) {
    const auto start = std::chrono::steady_clock::now();
    Answer answer;
    answer.query = std::move(query);
    try {
        if (kept == nullptr) {
            kept = std::make_unique<z3::context>();
        }
        Session session(*kept, timeout_ms);
        ask(session, answer);
    } catch (const z3::exception& e) {
        answer.result = Result::error;
        answer.detail = e.msg();
        kept.reset(); // who knows what it is like
    } catch (const std::exception& e) {
        answer.result = Result::error;
        answer.detail = e.what();
        kept.reset();
    }
    answer.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return answer;
}

} // namespace septum::verifier::smt
