// SPDX-License-Identifier: Apache-2.0
// What goes to standard output (the answer) and to standard error (progress, summary, and why there is no answer).
#pragma once

#include "config/source.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace septum::cli {

enum class ColorWish { automatic, always, never };

class Terminal {
public:
    // `automatic`: colours where the stream is a terminal, NO_COLOR is empty and TERM is not `dumb`.
    void choose_color(ColorWish wish) { wish_ = wish; }
    [[nodiscard]] bool color_on_stdout() const;
    [[nodiscard]] bool color_on_stderr() const;

    // The answer. A reader that went away (a closed pipe) is remembered, not fatal.
    void print(std::string_view text) const;
    // Whether everything printed has reached standard output: 0, or the error of the first write that failed (ENOSPC of
    // a full disk, EPIPE when the reader has gone).
    [[nodiscard]] int flush() const;

    // One line that rewrites itself, on a terminal only; the next output of any kind clears it.
    void progress(std::string_view text) const;
    // A line that stays, on standard error.
    void say(std::string_view text) const;

    // Why the work could not be done, on standard error. Returns kFailed, for `return terminal.fail(…)`.
    [[nodiscard]] int fail(std::string_view message, std::string_view help = {}) const;
    [[nodiscard]] int fail(const std::vector<config::Diagnostic>& diagnostics) const;
    // What is wrong with the command line. Returns kUsage.
    [[nodiscard]] int usage(std::string_view message, std::string_view help = {}) const;
    void warn(std::string_view message, std::string_view help = {}) const;

private:
    void message(std::string_view kind, std::string_view color, std::string_view text, std::string_view help) const;
    void clear_progress() const;
    void put_out(std::string_view text) const;

    ColorWish wish_ = ColorWish::automatic;
    mutable bool progress_shown_ = false;
    mutable int write_error_ = 0;
};

} // namespace septum::cli
