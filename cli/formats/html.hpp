// SPDX-License-Identifier: Apache-2.0
// The report in one file: sections of html.cpp, and where they are made.
#pragma once

#include "cli/answer.hpp"
#include "cli/overview.hpp"

namespace septum::cli {

extern const char* const kReportStyle;  // cli/formats/report/report.css
extern const char* const kReportScript; // cli/formats/report/report.js

[[nodiscard]] std::string flow_picture(const Overview& overview); // SVG
[[nodiscard]] std::string flow_section(const Overview& overview, const config::Sources& sources);
[[nodiscard]] std::string memory_section(const Overview& overview);
[[nodiscard]] std::string partition_section(const Overview& overview, const config::Sources& sources);
[[nodiscard]] std::string property_section(const Answer& answer);
[[nodiscard]] std::string assumption_section(const Answer& answer);

} // namespace septum::cli
