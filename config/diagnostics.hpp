// SPDX-License-Identifier: Apache-2.0
// Where the readers of config/ put what they find wrong.
#pragma once

#include "config/source.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace septum::config {

class Diagnostics {
public:
    // Adds one and returns it, so that the caller can hang labels, notes and help on it. The reference is good
    // until the next one is added.
    Diagnostic& error(std::string id, std::string message, Span at, std::string label = {});
    Diagnostic& note(std::string id, std::string message, Span at, std::string label = {});

    [[nodiscard]] bool any_error() const;
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    // All of them, sorted by file, line and column; those without a place come first. A file that is wrong hundreds of
    // times is shown its first errors and told how many more there are.
    [[nodiscard]] std::vector<Diagnostic> take_sorted();

private:
    std::vector<Diagnostic> all_;
};

// The user's words as a message may show them: in backticks, control characters escaped, cut when longer than
// `longest` bytes.
[[nodiscard]] std::string tick(std::string_view text, std::size_t longest = 64);
// The same for a path, which is of little use when it is cut.
[[nodiscard]] std::string tick_path(std::string_view path);
// `a`, `b` and `c`.
[[nodiscard]] std::string tick_list(const std::vector<std::string_view>& names);
// "did you mean `x`?" when one of `candidates` is near to `word`, else `otherwise`.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates,
                                       std::string otherwise);

} // namespace septum::config
