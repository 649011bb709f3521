// SPDX-License-Identifier: Apache-2.0
// What `check`, `verify` and `build` found, before it takes a form (cli/formats/).
#pragma once

#include "cli/acknowledged.hpp"
#include "cli/overview.hpp"
#include "cli/terminal.hpp"
#include "config/model.hpp"
#include "verifier/verifier.hpp"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

namespace septum::cli {

enum class Format { text, brief, json, sarif, junit, github, html };

[[nodiscard]] std::vector<std::string_view> format_names();

// `--format` and `--output`, for the commands that have an answer.
struct AnswerOptions {
    std::string format = "text";
    std::string output; // empty or `-`: standard output
    bool all = false;   // every property, not only what was found

    void declare(CLI::App& app, bool properties);
    // Empty when `format` is none; then the usage message has been said.
    [[nodiscard]] std::optional<Format> parse(const Terminal& terminal) const;
};

// One thing for a person to look at.
struct Item {
    config::Diagnostic diagnostic;
    std::string fingerprint;                          // stable over moved lines
    std::vector<std::string> partitions;              // concerned, sorted
    const verifier::PropertyResult* result = nullptr; // null: of reading, planning or opening the image
    const Acknowledgement* acknowledged = nullptr;    // in force today
};

struct Answer {
    std::string command;
    std::string appliance; // as the user wrote it
    std::string image;     // empty: none
    config::Sources sources;
    std::vector<config::Diagnostic> diagnostics; // of reading and planning
    std::optional<verifier::Report> report;
    std::optional<Overview> overview; // only for forms that draw it
    std::vector<Acknowledgement> acknowledged;
    std::string day; // on which acknowledgements are judged

    // A place in the user's files makes a diagnostic a finding; without one it is a failure of ours to do the work.
    [[nodiscard]] bool any_finding() const;
    [[nodiscard]] bool any_failure() const;
    // The failures: for standard error.
    [[nodiscard]] std::vector<config::Diagnostic> failures() const;
    // All but the failures: diagnostics, then what keeps the image from being read, then the findings of properties
    // and why undecided ones are undecided, by the property's id; but what says that the image was altered before all
    // that was read from the altered bytes.
    [[nodiscard]] std::vector<Item> items() const;
    // The acknowledgement of a finding that holds on `day`, else null.
    [[nodiscard]] const Acknowledgement* in_force(const std::string& fingerprint) const;
    // Every finding of this violated property is acknowledged, and every one of its findings is listed.
    [[nodiscard]] bool acknowledged_whole(const verifier::PropertyResult& result) const;
    [[nodiscard]] std::size_t count_acknowledged() const; // findings
    // One word for it all: docs/json.md lists them.
    [[nodiscard]] const char* verdict() const;
    [[nodiscard]] int exit_code() const;
};

// "61 properties: 51 proved, 1 violated, 0 inconclusive, 5 checked at boot, 4 not applicable (0.08 s)"
[[nodiscard]] std::string summary(const verifier::Report& report);

// Failures to standard error, the answer in the wished form to standard output or the file, the summary to standard
// error. Returns the exit code.
[[nodiscard]] int give(const Terminal& terminal, const Answer& answer, const AnswerOptions& options);

} // namespace septum::cli
