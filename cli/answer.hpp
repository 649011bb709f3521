// SPDX-License-Identifier: Apache-2.0
// What `check`, `verify` and `build` found, as text for people or as JSON for programs (docs/json.md).
#pragma once

#include "cli/terminal.hpp"
#include "config/model.hpp"
#include "verifier/verifier.hpp"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

namespace septum::cli {

enum class Format { text, brief, json };

// `--format` and `--output`, for the commands that have an answer.
struct AnswerOptions {
    std::string format = "text";
    std::string output; // empty or `-`: standard output
    bool all = false;   // every property, not only what was found

    void declare(CLI::App& app, bool properties);
    // Empty when `format` is none; then the usage message has been said.
    [[nodiscard]] std::optional<Format> parse(const Terminal& terminal) const;
};

struct Answer {
    std::string command;
    std::string appliance; // as the user wrote it
    std::string image;     // empty: none
    config::Sources sources;
    std::vector<config::Diagnostic> diagnostics; // of reading and planning
    std::optional<verifier::Report> report;

    // A place in the user's files makes a diagnostic a finding; without one it is a failure of ours to do the work.
    [[nodiscard]] bool any_finding() const;
    [[nodiscard]] bool any_failure() const;
    [[nodiscard]] int exit_code() const;
};

// "61 properties: 51 proved, 1 violated, 0 inconclusive, 5 checked at boot, 4 not applicable (0.08 s)"
[[nodiscard]] std::string summary(const verifier::Report& report);

[[nodiscard]] std::string as_text(const Answer& answer, bool all, bool color);
[[nodiscard]] std::string as_brief(const Answer& answer, bool all);
[[nodiscard]] std::string as_json(const Answer& answer);

// Failures to standard error, the answer in the wished form to standard output or the file, the summary to standard
// error. Returns the exit code.
[[nodiscard]] int give(const Terminal& terminal, const Answer& answer, const AnswerOptions& options);

} // namespace septum::cli
