// SPDX-License-Identifier: Apache-2.0
// A source text that is safe to parse, and where its lines are.
#pragma once

#include "config/diagnostics.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace septum::config {

inline constexpr std::size_t kLargestSource = std::size_t{1024} * 1024; // bytes

// The bytes of a regular file of at most kLargestSource. Failure is said in `diagnostics`, at `named_at` when some
// file names this one. A UTF-8 byte order mark is dropped: no editor counts it as a column.
[[nodiscard]] std::optional<std::string> read_source(const std::filesystem::path& path, Span named_at,
                                                     Diagnostics& diagnostics);

// Byte offsets ↔ places in one source file.
class LineIndex {
public:
    LineIndex(std::string_view text, std::uint32_t file);

    [[nodiscard]] std::string_view text() const { return text_; }
    // Line and column count from 0 here, as yaml-cpp counts; what lies outside is clamped to the text.
    [[nodiscard]] std::size_t offset(int line, int column) const;
    [[nodiscard]] Span span(std::size_t begin, std::size_t end) const;

private:
    struct Place {
        std::uint32_t line;
        std::uint32_t column;
    };
    [[nodiscard]] Place place(std::size_t offset) const;

    std::string_view text_;
    std::uint32_t file_;
    std::vector<std::size_t> starts_;
};

// Is it UTF-8 without control characters but tab, LF and CR LF? yaml-cpp takes a control-D for the end of the file and
// guesses other encodings, so this is settled before it sees the text. Says the first defect only.
[[nodiscard]] bool check_characters(const LineIndex& lines, Diagnostics& diagnostics);

} // namespace septum::config
