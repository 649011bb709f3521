// SPDX-License-Identifier: Apache-2.0
// Keeps the questions that are put to the solver as text, so that others can put them to another solver.
#pragma once

#include <string>
#include <vector>

namespace septum::verifier::smt {

struct Question {
    std::string query;
    std::string smt_lib;
    std::string logic; // SMT-LIB's name of it
    bool satisfiable = false;
};

// While one lives, every question of this thread that gets an answer is added to `out`. Not nested.
class Recording {
public:
    explicit Recording(std::vector<Question>& out);
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
};

[[nodiscard]] bool recording();
void record(Question question);

} // namespace septum::verifier::smt
