// SPDX-License-Identifier: Apache-2.0
// What a line is expected to have: a text as it stands, or between slashes an extended regular expression (POSIX,
// IEEE 1003.1 chapter 9; as `grep -E` takes it).
#pragma once

#include <memory>
#include <regex.h>
#include <string>
#include <string_view>

namespace septum::cli {

class Pattern {
public:
    explicit Pattern(std::string text);
    // Why it is no regular expression; empty when it is one, or a text.
    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] const std::string& text() const { return text_; } // as it was given
    [[nodiscard]] bool found_in(std::string_view line) const;

private:
    std::string text_;
    std::string error_;
    std::shared_ptr<regex_t> compiled_; // null: the text as it stands
};

} // namespace septum::cli
