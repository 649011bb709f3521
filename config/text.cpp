// SPDX-License-Identifier: Apache-2.0
#include "config/text.hpp"

#include "config/system_words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <fstream>
#include <system_error>

namespace septum::config {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::nullopt_t cannot_read(const std::filesystem::path& path, std::string_view why, std::string_view id, Span named_at,
                           Diagnostics& diagnostics) {
    diagnostics.error(std::string(id), fmt::format("cannot read {}: {}", tick_path(path.string()), why), named_at,
                      named_at.known() ? "named here" : "");
    return std::nullopt;
}

// Length of the well-formed code point at the start of `rest` (Unicode 15, table 3-7), or 0.
std::size_t code_point(std::string_view rest) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
    const auto tail = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
        return i < rest.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned first = byte(0);
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return tail(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const unsigned low = first == 0xE0 ? 0xA0 : 0x80;  // no overlong forms
        const unsigned high = first == 0xED ? 0x9F : 0xBF; // no surrogates
        return tail(1, low, high) && tail(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const unsigned low = first == 0xF0 ? 0x90 : 0x80;
        const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
        return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

bool is_control(std::string_view text, std::size_t at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '\r')
        return at + 1 >= text.size() || text[at + 1] != '\n';
    if (c == 0xC2) // C1 controls but NEL would be shown as nothing
        return static_cast<unsigned char>(text[at + 1]) < 0xA0;
    return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7F;
}

} // namespace

std::optional<std::string> read_source(const std::filesystem::path& path, Span named_at, Diagnostics& diagnostics) {
    std::error_code code;
    const std::filesystem::file_status status = std::filesystem::status(path, code);
    if (status.type() == std::filesystem::file_type::not_found)
        return cannot_read(path, "no such file", "file.missing", named_at, diagnostics);
    if (code)
        return cannot_read(path, system_words(code.value()), "file.unreadable", named_at, diagnostics);
    if (std::filesystem::is_directory(status))
        return cannot_read(path, "it is a directory", "file.not-a-file", named_at, diagnostics);
    if (!std::filesystem::is_regular_file(status))
        return cannot_read(path, "it is not a regular file", "file.not-a-file", named_at, diagnostics);

    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return cannot_read(path, errno != 0 ? system_words(errno) : "it does not open", "file.unreadable", named_at,
                           diagnostics);
    // In pieces, and no further than it takes to see that the file is too large, however it grows meanwhile.
    std::string text;
    std::array<char, std::size_t{16} * 1024> piece{};
    while (in && text.size() <= kLargestSource) {
        in.read(piece.data(), piece.size());
        text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    }
    if (in.bad())
        return cannot_read(path, "reading failed", "file.unreadable", named_at, diagnostics);
    if (text.size() > kLargestSource)
        return cannot_read(path, "it is larger than 1 MiB, the most a configuration file may be", "file.too-large",
                           named_at, diagnostics);
    if (text.starts_with(kByteOrderMark))
        text.erase(0, kByteOrderMark.size());
    return text;
}

LineIndex::LineIndex(std::string_view text, std::uint32_t file) : text_(text), file_(file) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '\n')
            starts_.push_back(i + 1);
}

std::size_t LineIndex::offset(int line, int column) const {
    if (line < 0 || column < 0)
        return 0;
    const auto row = static_cast<std::size_t>(line);
    if (row >= starts_.size())
        return text_.size();
    const std::size_t limit = row + 1 < starts_.size() ? starts_[row + 1] - 1 : text_.size();
    return std::min(starts_[row] + static_cast<std::size_t>(column), limit);
}

LineIndex::Place LineIndex::place(std::size_t offset) const {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    const auto row = static_cast<std::size_t>(next - starts_.begin()) - 1;
    return {static_cast<std::uint32_t>(row + 1), static_cast<std::uint32_t>(offset - starts_[row] + 1)};
}

Span LineIndex::span(std::size_t begin, std::size_t end) const {
    const Place from = place(std::min(begin, text_.size()));
    const Place to = place(std::min(std::max(begin, end), text_.size()));
    return {file_, from.line, from.column, to.line, to.column};
}

bool check_characters(const LineIndex& lines, Diagnostics& diagnostics) {
    const std::string_view text = lines.text();
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = code_point(text.substr(i));
        const auto byte = static_cast<unsigned char>(text[i]);
        if (length == 0) {
            diagnostics
                .error("file.not-utf8", fmt::format("the file is not UTF-8: byte 0x{:02x} at offset {}", byte, i),
                       lines.span(i, i + 1), "not UTF-8")
                .help = "save it as UTF-8";
            return false;
        }
        if (is_control(text, i)) {
            diagnostics
                .error("file.control-character",
                       fmt::format("control character 0x{:02x} in the file at offset {}",
                                   length == 1 ? byte : static_cast<unsigned char>(text[i + 1]), i),
                       lines.span(i, i + length), "control character")
                .help = "remove it; only tabs and line ends are allowed";
            return false;
        }
        i += length;
    }
    return true;
}

} // namespace septum::config
