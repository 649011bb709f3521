// SPDX-License-Identifier: Apache-2.0
// Findings that somebody has looked at and accepted, each with a reason and a last day (docs/formats.md). A finding is
// known by its fingerprint, so the line may move.
#pragma once

#include "config/source.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace septum::cli {

// A day of the Gregorian calendar, `2027-01-31`. The text sorts as the days do.
[[nodiscard]] bool is_date(std::string_view text);
[[nodiscard]] std::string today(); // UTC, by the system's clock

struct Acknowledgement {
    std::string fingerprint;
    std::string reason;
    std::string expires; // the last day on which it holds
    config::Span span;   // of the fingerprint
};

// What is wrong with the file is a diagnostic with its place; `sources` gets the file.
[[nodiscard]] config::Outcome<std::vector<Acknowledgement>> read_acknowledged(const std::filesystem::path& file,
                                                                              config::Sources& sources);

// The one with this fingerprint; null when there is none. It may have expired.
[[nodiscard]] const Acknowledgement* find(const std::vector<Acknowledgement>& all, std::string_view fingerprint);

} // namespace septum::cli
