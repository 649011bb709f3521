// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include "cli/exit_code.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace septum::cli {
namespace {

constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kYellow = "\x1b[1;33m";
constexpr std::string_view kCyan = "\x1b[1;36m";
constexpr std::string_view kReset = "\x1b[0m";

bool colored(ColorWish wish, int fd) {
    if (wish != ColorWish::automatic)
        return wish == ColorWish::always;
    const char* no_color = std::getenv("NO_COLOR"); // https://no-color.org: present and not empty
    const char* term = std::getenv("TERM");
    const bool dumb = term != nullptr && std::strcmp(term, "dumb") == 0;
    return (no_color == nullptr || *no_color == '\0') && !dumb && ::isatty(fd) == 1;
}

void put(std::FILE* stream, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream);
}

} // namespace

bool Terminal::color_on_stdout() const {
    return colored(wish_, STDOUT_FILENO);
}
bool Terminal::color_on_stderr() const {
    return colored(wish_, STDERR_FILENO);
}

void Terminal::print(std::string_view text) const {
    clear_progress();
    put_out(text);
}

// The C library forgets why a write failed once the next call succeeds; so each is looked at.
void Terminal::put_out(std::string_view text) const {
    errno = 0;
    put(stdout, text);
    if (std::ferror(stdout) != 0 && write_error_ == 0)
        write_error_ = errno != 0 ? errno : EIO;
}

int Terminal::flush() const {
    errno = 0;
    if (std::fflush(stdout) != 0 && write_error_ == 0)
        write_error_ = errno != 0 ? errno : EIO;
    return write_error_;
}

void Terminal::progress(std::string_view text) const {
    if (::isatty(STDERR_FILENO) != 1)
        return;
    put(stderr, "\r\x1b[K");
    put(stderr, text);
    std::fflush(stderr);
    progress_shown_ = true;
}

void Terminal::clear_progress() const {
    if (progress_shown_)
        put(stderr, "\r\x1b[K");
    progress_shown_ = false;
}

void Terminal::say(std::string_view text) const {
    clear_progress();
    (void)flush(); // keeps the two streams in order where they are the same terminal
    put(stderr, text);
    put(stderr, "\n");
}

void Terminal::message(std::string_view kind, std::string_view color, std::string_view text,
                       std::string_view help) const {
    clear_progress();
    (void)flush();
    const bool paint = color_on_stderr();
    put(stderr, paint ? color : "");
    put(stderr, kind);
    put(stderr, paint ? kReset : "");
    put(stderr, ": ");
    put(stderr, text);
    put(stderr, "\n");
    if (help.empty())
        return;
    put(stderr, paint ? kCyan : "");
    put(stderr, "help");
    put(stderr, paint ? kReset : "");
    put(stderr, ": ");
    put(stderr, help);
    put(stderr, "\n");
}

int Terminal::fail(std::string_view text, std::string_view help) const {
    message("error", kRed, text, help);
    return kFailed;
}

int Terminal::fail(const std::vector<config::Diagnostic>& diagnostics) const {
    for (const auto& d : diagnostics) {
        std::string text = d.message;
        for (const auto& note : d.notes)
            text += "\n   = note: " + note;
        message("error", kRed, text, d.help);
    }
    return kFailed;
}

int Terminal::usage(std::string_view text, std::string_view help) const {
    message("error", kRed, text, help);
    return kUsage;
}

void Terminal::warn(std::string_view text, std::string_view help) const {
    message("warning", kYellow, text, help);
}

} // namespace septum::cli
