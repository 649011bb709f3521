// SPDX-License-Identifier: Apache-2.0
// From the words of the command line to a command that runs.
#pragma once

namespace septum::cli {

// Runs it; the exit code. Throws nothing.
[[nodiscard]] int run_command_line(int argc, char** argv);

} // namespace septum::cli
