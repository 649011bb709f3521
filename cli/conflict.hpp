// SPDX-License-Identifier: Apache-2.0
// Why an appliance cannot be placed: lines that cannot hold together.
#pragma once

#include "config/model.hpp"

#include <string>
#include <vector>

namespace septum::cli {

struct Demand {
    config::Span span;
    std::string what; // "`vault` is pinned at 0x40200000"
};

struct Conflict {
    std::vector<config::Diagnostic> says; // of the planner, about the whole appliance
    // Minimal: without any one of them the rest can be placed. Empty when the whole can be placed.
    std::vector<Demand> demands;
};

[[nodiscard]] Conflict find_conflict(const config::Model& model);

} // namespace septum::cli
