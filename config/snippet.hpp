// SPDX-License-Identifier: Apache-2.0
// The quoted source lines of a message.
#pragma once

#include "config/source.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace septum::config {

struct Mark {
    Span span;
    std::string text;
    bool primary = false;
};

// How a terminal shows one source line: tabs as four spaces, what is not printable as U+FFFD, every code point one
// column wide, and only the part round the marks when the line is very long.
struct ShownLine {
    std::string text;
    std::size_t cut = 0;      // columns left out in front
    std::size_t ellipsis = 0; // columns the sign for that takes
};

// The columns (from 0) that the bytes [begin, end) of `line` take on the screen.
struct Columns {
    std::size_t begin = 0;
    std::size_t end = 0;
};
[[nodiscard]] Columns columns_of(std::string_view line, std::size_t begin, std::size_t end);

// The line with this number (from 1) without its end; empty when there is none.
[[nodiscard]] std::string_view source_line(std::string_view text, std::size_t number);

// The line, ready to print; `focus` columns stay visible.
[[nodiscard]] ShownLine show_line(std::string_view line, Columns focus);

} // namespace septum::config
