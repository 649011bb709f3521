// SPDX-License-Identifier: Apache-2.0
#include "verifier/smt/record.hpp"

#include <utility>

namespace septum::verifier::smt {

namespace {
thread_local std::vector<Question>* target = nullptr;
}

Recording::Recording(std::vector<Question>& out) {
    target = &out;
}

Recording::~Recording() {
    target = nullptr;
}

bool recording() {
    return target != nullptr;
}

void record(Question question) {
    if (target != nullptr) {
        target->push_back(std::move(question));
    }
}

} // namespace septum::verifier::smt
