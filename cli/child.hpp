// SPDX-License-Identifier: Apache-2.0
// A program of ours: it ends when we end, whatever ends us.
#pragma once

#include "cli/interrupt.hpp"
#include "config/source.hpp"

#include <string>
#include <sys/types.h>
#include <vector>

namespace septum::cli {

class Child {
public:
    // Starts it with nothing to read and its standard output in a pipe; its standard error is ours. `words[0]` is a
    // path.
    [[nodiscard]] static config::Outcome<Child> start(const std::vector<std::string>& words);
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    ~Child(); // ends it

    [[nodiscard]] int output() const { return output_; } // the pipe's end to read
    // Ends it at once and waits. Harmless when it has ended by itself.
    void stop();
    // Waits for it: its exit code, or 128 + the signal that ended it.
    [[nodiscard]] int wait();

private:
    Child(pid_t pid, int output, Undo undo);
    pid_t pid_; // -1 when waited for
    int output_;
    int code_ = 0;
    Undo undo_;
};

// What a program prints; empty when it cannot be started.
[[nodiscard]] std::string output_of(const std::vector<std::string>& words);

} // namespace septum::cli
