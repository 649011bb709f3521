// SPDX-License-Identifier: Apache-2.0
#include "config/snippet.hpp"

#include <algorithm>
#include <utility>

namespace septum::config {

namespace {

constexpr std::size_t kTabWidth = 4;
constexpr std::size_t kWidest = 160; // columns of one printed source line
constexpr std::size_t kLead = 40;    // columns kept in front of the focus when a line is cut
constexpr std::string_view kEllipsis = "…";
constexpr std::string_view kUnprintable = "\xEF\xBF\xBD"; // U+FFFD

// Bytes of the code point at the start of `rest`, 1 for what is none.
std::size_t sequence(std::string_view rest) {
    const auto first = static_cast<unsigned char>(rest[0]);
    const std::size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length > rest.size())
        return 1;
    for (std::size_t i = 1; i < length; ++i)
        if ((static_cast<unsigned char>(rest[i]) & 0xC0U) != 0x80U)
            return 1;
    return length;
}

struct Cell {
    std::string_view text;
    std::size_t bytes;
    std::size_t width;
};

Cell cell(std::string_view rest) {
    const auto first = static_cast<unsigned char>(rest[0]);
    if (first == '\t')
        return {"    ", 1, kTabWidth};
    const std::size_t length = sequence(rest);
    const bool c1_control = length == 2 && first == 0xC2 && static_cast<unsigned char>(rest[1]) < 0xA0;
    if (first < 0x20 || first == 0x7F || (length == 1 && first >= 0x80) || c1_control)
        return {kUnprintable, length, 1};
    return {rest.substr(0, length), length, 1};
}

} // namespace

Columns columns_of(std::string_view line, std::size_t begin, std::size_t end) {
    Columns columns;
    std::size_t column = 0;
    std::size_t at = 0;
    bool begun = false;
    while (at < line.size() && at < end) {
        if (!begun && at >= begin) {
            columns.begin = column;
            begun = true;
        }
        const Cell next = cell(line.substr(at));
        at += next.bytes;
        column += next.width;
    }
    columns.end = column;
    if (!begun)
        columns.begin = column;
    columns.end = std::max(columns.end, columns.begin + 1); // an empty stretch gets one caret
    return columns;
}

std::string_view source_line(std::string_view text, std::size_t number) {
    std::size_t start = 0;
    for (std::size_t line = 1; line < number; ++line) {
        const std::size_t next = text.find('\n', start);
        if (next == std::string_view::npos)
            return {};
        start = next + 1;
    }
    std::string_view line = text.substr(start, text.find('\n', start) - start);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

ShownLine show_line(std::string_view line, Columns focus) {
    ShownLine shown;
    const bool cut_front = focus.begin + kLead > kWidest;
    const std::size_t from = cut_front ? focus.begin - kLead : 0;
    std::size_t column = 0;
    std::size_t at = 0;
    bool first = true;
    while (at < line.size()) {
        const Cell next = cell(line.substr(at));
        if (column >= from) {
            if (std::exchange(first, false)) {
                shown.cut = column;
                if (cut_front) {
                    shown.text = kEllipsis;
                    shown.ellipsis = 1;
                }
            }
            if (column + next.width > shown.cut + kWidest) {
                shown.text += kEllipsis;
                break;
            }
            shown.text += next.text;
        }
        at += next.bytes;
        column += next.width;
    }
    return shown;
}

} // namespace septum::config
