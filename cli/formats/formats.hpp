// SPDX-License-Identifier: Apache-2.0
// The forms an answer takes (docs/formats.md). All are deterministic: the same answer, the same bytes.
#pragma once

#include "cli/answer.hpp"

namespace septum::cli {

[[nodiscard]] std::string as_text(const Answer& answer, bool all, bool color);
[[nodiscard]] std::string as_brief(const Answer& answer, bool all);
[[nodiscard]] std::string as_json(const Answer& answer);   // docs/json.md
[[nodiscard]] std::string as_sarif(const Answer& answer);  // SARIF 2.1.0
[[nodiscard]] std::string as_junit(const Answer& answer);  // JUnit XML, one test case a property
[[nodiscard]] std::string as_html(const Answer& answer);   // one self-contained page
[[nodiscard]] std::string as_github(const Answer& answer); // workflow commands, one annotation a line

// Column as editors count it: Unicode code points from 1, of a byte column from 1 in this line.
[[nodiscard]] std::uint32_t character_column(const config::SourceFile& file, std::uint32_t line, std::uint32_t column);

} // namespace septum::cli
