// SPDX-License-Identifier: Apache-2.0
// From the words of the command line to a command that runs.
#pragma once

#include "cli/command.hpp"

namespace septum::cli {

// Runs it; the exit code. Throws nothing.
[[nodiscard]] int run_command_line(int argc, char** argv);

// What the command declares, and what is common to all.
void declare_whole(Command& command, CLI::App& app);

} // namespace septum::cli
