// SPDX-License-Identifier: Apache-2.0
#include "cli/answer.hpp"

#include "cli/exit_code.hpp"
#include "cli/files.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::cli {
namespace {

using config::Diagnostic;
using config::Severity;
using verifier::Verdict;

bool is_error(const Diagnostic& d) {
    return d.severity == Severity::error;
}
bool is_finding(const Diagnostic& d) {
    return d.primary.known() || !is_error(d);
}
bool is_failure(const Diagnostic& d) {
    return is_error(d) && !d.primary.known();
}

// What a person has to look at: the findings of properties, and why an undecided one is undecided.
std::vector<Diagnostic> to_show(const Answer& answer) {
    std::vector<Diagnostic> shown;
    std::copy_if(answer.diagnostics.begin(), answer.diagnostics.end(), std::back_inserter(shown), is_finding);
    if (!answer.report)
        return shown;
    shown.insert(shown.end(), answer.report->defects.begin(), answer.report->defects.end());
    for (const auto& result : answer.report->results) {
        for (const auto& finding : result.findings)
            shown.push_back(finding.diagnostic);
        const bool undecided = result.verdict == Verdict::inconclusive;
        if (undecided || (result.verdict == Verdict::violated && result.findings.empty())) {
            Diagnostic d;
            d.severity = undecided ? Severity::warning : Severity::error;
            d.id = result.id;
            d.message = std::string(verifier::name(result.verdict)) + ": " +
                        (result.reason.empty() ? result.title : result.reason);
            shown.push_back(std::move(d));
        }
    }
    return shown;
}

std::string property_lines(const verifier::Report& report) {
    std::string text;
    for (const auto& result : report.results) {
        text += fmt::format("{:<16} {:<24} {:<16} {}", verifier::name(result.verdict), result.id,
                            verifier::name(result.level), result.title);
        text += result.reason.empty() ? "\n" : fmt::format(" ({})\n", result.reason);
    }
    return text;
}

// In the user's files; a failure of ours speaks for itself.
std::size_t count_errors(const std::vector<Diagnostic>& diagnostics) {
    return static_cast<std::size_t>(std::count_if(
        diagnostics.begin(), diagnostics.end(), [](const Diagnostic& d) { return is_error(d) && d.primary.known(); }));
}

std::string plural(std::size_t n, const char* word) {
    return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s");
}

} // namespace

void AnswerOptions::declare(CLI::App& app, bool properties) {
    app.add_option("-f,--format", format, "text, short (one line each) or json (default: text)")
        ->type_name("FORM")
        ->take_last();
    if (properties)
        app.add_flag("-a,--all", all, "list every property with its verdict");
}

std::optional<Format> AnswerOptions::parse(const Terminal& terminal) const {
    if (format == "text")
        return Format::text;
    if (format == "short")
        return Format::brief;
    if (format == "json")
        return Format::json;
    const auto near = config::nearest(format, {"text", "short", "json"});
    (void)terminal.usage("`--format` is `text`, `short` or `json`, not `" + format + "`",
                         near.empty() ? "" : "did you mean `" + std::string(near) + "`?");
    return std::nullopt;
}

bool Answer::any_finding() const {
    return std::any_of(diagnostics.begin(), diagnostics.end(),
                       [](const Diagnostic& d) { return is_error(d) && d.primary.known(); });
}

bool Answer::any_failure() const {
    return std::any_of(diagnostics.begin(), diagnostics.end(), is_failure);
}

int Answer::exit_code() const {
    if (any_finding())
        return kFindings;
    if (any_failure())
        return kFailed;
    if (!report || report->proved())
        return kDone;
    if (!report->defects.empty()) // not an image at all: there was nothing to judge
        return kFailed;
    return report->count(Verdict::violated) != 0 ? kFindings : kInconclusive;
}

std::string summary(const verifier::Report& report) {
    const std::size_t unjudged = report.count(Verdict::not_judged);
    return fmt::format("{}: {} proved, {} violated, {} inconclusive, {} checked at boot, {} not applicable{} ({:.2f} s)",
                       report.results.size() == 1 ? "1 property" : fmt::format("{} properties", report.results.size()),
                       report.count(Verdict::proved), report.count(Verdict::violated),
                       report.count(Verdict::inconclusive), report.count(Verdict::checked_at_boot),
                       report.count(Verdict::not_applicable),
                       unjudged == 0 ? "" : fmt::format(", {} not judged", unjudged), report.seconds);
}

std::string as_text(const Answer& answer, bool all, bool color) {
    std::string text;
    for (const auto& d : to_show(answer))
        text += (text.empty() ? "" : "\n") + config::render(d, answer.sources, color);
    if (all && answer.report)
        text += (text.empty() ? "" : "\n") + property_lines(*answer.report);
    return text;
}

std::string as_brief(const Answer& answer, bool all) {
    std::string text;
    for (const auto& d : to_show(answer)) {
        text += config::render_short(d, answer.sources);
        if (!text.empty() && text.back() != '\n')
            text += '\n';
    }
    if (all && answer.report)
        text += property_lines(*answer.report);
    return text;
}

int give(const Terminal& terminal, const Answer& answer, const AnswerOptions& options) {
    const auto format = options.parse(terminal);
    if (!format)
        return kUsage;
    const bool to_file = !options.output.empty() && options.output != "-";
    std::string text;
    switch (*format) {
    case Format::text:
        text = as_text(answer, options.all, !to_file && terminal.color_on_stdout());
        break;
    case Format::brief:
        text = as_brief(answer, options.all);
        break;
    case Format::json:
        text = as_json(answer);
        break;
    }
    if (to_file) {
        auto file = PendingFile::make(options.output);
        if (!file.ok())
            return terminal.fail(file.diagnostics);
        if (const auto failed = file.value->commit(text); !failed.empty())
            return terminal.fail(failed);
    } else {
        terminal.print(text);
    }
    std::vector<Diagnostic> failures;
    std::copy_if(answer.diagnostics.begin(), answer.diagnostics.end(), std::back_inserter(failures), is_failure);
    if (!failures.empty())
        (void)terminal.fail(failures);
    if (answer.report) {
        terminal.say(summary(*answer.report));
        if (!answer.report->defects.empty())
            terminal.say("the image cannot be read, so nothing is proved about it");
    } else if (const auto errors = count_errors(answer.diagnostics); errors != 0) {
        terminal.say(plural(errors, "error") + (answer.command == "check" ? "" : ": nothing was proved"));
    }
    return answer.exit_code();
}

} // namespace septum::cli
