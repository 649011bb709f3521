// SPDX-License-Identifier: Apache-2.0
// Small pieces of HTML and XML.
#pragma once

#include "config/source.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace septum::cli {

// For HTML and XML, in text and in attributes in double quotes. What is no character of XML (1.0 §2.2) is left out.
[[nodiscard]] std::string escape_markup(std::string_view text);
// The same, with what is in backticks as <code>.
[[nodiscard]] std::string words(std::string_view text);
[[nodiscard]] std::string badge(std::string_view word); // a verdict, in its colour
// A file as a report names it: without the folders of this machine.
[[nodiscard]] std::string source_name(const config::SourceFile& file);
// A link to the line in the page's own copy of the source; empty without a place.
[[nodiscard]] std::string line_link(const config::Span& span, const config::Sources& sources);
[[nodiscard]] std::string bytes_text(std::uint64_t bytes); // "1.5 MiB"
// A table that scrolls by itself when the screen is narrow. `rows` are cells with their tags.
[[nodiscard]] std::string table(std::string_view name, std::string_view classes,
                                const std::vector<std::string>& headings, const std::string& rows, bool find = true);

} // namespace septum::cli
