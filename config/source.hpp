// SPDX-License-Identifier: Apache-2.0
// Places in the user's files, and what Septum says about them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace septum::config {

// A stretch of one source file. Lines and columns count from 1; columns count bytes; the end is exclusive.
// `line` 0 means that there is no place to point at.
struct Span {
    std::uint32_t file = 0; // index into Sources::files
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t end_line = 0;
    std::uint32_t end_column = 0;

    [[nodiscard]] bool known() const { return line != 0; }
    friend bool operator==(const Span&, const Span&) = default;
};

template <typename T>
struct Spanned {
    T value{};
    Span span{};
};

struct SourceFile {
    std::string name; // as the user wrote it; printed in messages
    std::string text;
};

struct Sources {
    std::vector<SourceFile> files;
};

enum class Severity : std::uint8_t { error, warning, note };

struct Label {
    Span span;
    std::string text; // what is there; identifiers in backticks
};

// One cause, one message. All text is lower case, without a full stop; identifiers in backticks.
struct Diagnostic {
    Severity severity = Severity::error;
    std::string id;      // stable: a property id (`mem.disjoint`) or a config rule (`yaml.duplicate-key`)
    std::string message; // what is wrong, with the expected and the found value
    Span primary;        // the smallest stretch that shows it
    std::string label;   // said under the primary span; may be empty
    std::vector<Label> related;
    std::vector<std::string> notes; // the witness and other facts
    std::string help;               // how to mend it; may be empty
};

// The form of docs: `error[id]: message`, ` --> file:line:column`, the lines with their labels, notes, help.
// With `color`, ANSI colours. Ends with a newline.
[[nodiscard]] std::string render(const Diagnostic& diagnostic, const Sources& sources, bool color);
// `file:line:column: error[id]: message`, one line.
[[nodiscard]] std::string render_short(const Diagnostic& diagnostic, const Sources& sources);

// A value, or the reasons why there is none. Warnings may come with a value.
template <typename T>
struct Outcome {
    std::optional<T> value;
    std::vector<Diagnostic> diagnostics;

    [[nodiscard]] bool ok() const { return value.has_value(); }
};

// The candidate nearest to `word` by edit distance, if it is near enough to be meant; empty when none is.
[[nodiscard]] std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

} // namespace septum::config
