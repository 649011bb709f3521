// SPDX-License-Identifier: Apache-2.0
// One run of an appliance in an emulator, from its first line to its end.
#pragma once

#include "cli/terminal.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace septum::cli {

struct SessionOptions {
    double seconds = 0; // 0: no end
    std::vector<std::string> expected;
    std::string view = "all"; // all, columns, or the console of one
    std::string record;       // an asciicast to write; empty: none
};

// What the kernel's own lines (`septum: …`) say about the whole system. Partitions cannot forge them: theirs begin with
// their name in brackets.
class Progress {
public:
    void see(std::string_view line);
    // As many as the kernel says it has. Their lines are sent by different CPUs: one may have stopped before another's
    // launch is said.
    [[nodiscard]] bool all_stopped() const { return partitions_ != 0 && stopped_.size() >= partitions_; }
    [[nodiscard]] bool refused() const { return refused_; } // the kernel did not start anything
    [[nodiscard]] bool halted() const { return halted_; }   // the kernel stopped everything

private:
    std::size_t partitions_ = 0; // 0: not said yet
    std::set<std::string, std::less<>> stopped_;
    bool refused_ = false;
    bool halted_ = false;
};

// Starts the command, shows its lines, ends it. The exit code.
[[nodiscard]] int run_session(const Terminal& terminal, const std::vector<std::string>& command,
                              const SessionOptions& options);

} // namespace septum::cli
