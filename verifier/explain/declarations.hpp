// SPDX-License-Identifier: Apache-2.0
// What an appliance file declares, piece by piece, each of which can be left out.
#pragma once

#include "config/model.hpp"

#include <functional>

namespace septum::verifier {

struct Declaration {
    config::Span span;
    std::string what;                              // "channel `word`"
    std::function<void(config::Model&)> leave_out; // to be applied last to first
};

[[nodiscard]] std::vector<Declaration> declarations(const config::Model& model);
// `model` without those declarations that are false in `kept`.
[[nodiscard]] config::Model reduced(const config::Model& model, const std::vector<Declaration>& all,
                                    const std::vector<bool>& kept);

} // namespace septum::verifier
