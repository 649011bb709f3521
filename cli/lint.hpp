// SPDX-License-Identifier: Apache-2.0
// What is allowed and probably not meant: warnings of `septum check`.
#pragma once

#include "config/model.hpp"

#include <vector>

namespace septum::cli {

// All warnings, `lint.*`, in the order of the file. Takes no solver: a few walks over the declared flows.
[[nodiscard]] std::vector<config::Diagnostic> lint(const config::Model& model);

} // namespace septum::cli
