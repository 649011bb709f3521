// SPDX-License-Identifier: Apache-2.0
// `--help`, made from the declarations, so that it cannot leave one out.
#pragma once

#include "cli/command.hpp"

namespace septum::cli {

[[nodiscard]] std::string main_help(const std::vector<std::unique_ptr<Command>>& commands);
[[nodiscard]] std::string command_help(const About& about, const CLI::App& app);

} // namespace septum::cli
