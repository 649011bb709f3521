// SPDX-License-Identifier: Apache-2.0
#include "cli/answer.hpp"

#include "cli/exit_code.hpp"
#include "cli/files.hpp"
#include "cli/formats/formats.hpp"
#include "config/diagnostics.hpp"
#include "verifier/properties/registry.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::cli {
namespace {

using config::Diagnostic;
using config::Severity;
using verifier::Verdict;

struct NamedFormat {
    std::string_view name;
    Format format;
};
constexpr NamedFormat kFormats[] = {{"text", Format::text},   {"short", Format::brief}, {"json", Format::json},
                                    {"sarif", Format::sarif}, {"junit", Format::junit}, {"github", Format::github},
                                    {"html", Format::html}};

bool is_error(const Diagnostic& d) {
    return d.severity == Severity::error;
}
bool is_failure(const Diagnostic& d) {
    return is_error(d) && !d.primary.known();
}

// The file is no document at all: nothing in it can be called right or wrong.
bool is_unreadable(const Diagnostic& d) {
    const bool said_of_all = d.id.starts_with("yaml.") || d.id.starts_with("file.");
    return is_error(d) && said_of_all && d.id != "yaml.duplicate-key" && d.id != "file.missing";
}

// Of what is no property's: the rule and its words, which name things and not lines.
std::string fingerprint(const Diagnostic& d) {
    return d.id + ":" + d.message;
}

// In the user's files; a failure of ours speaks for itself.
std::size_t count_errors(const std::vector<Diagnostic>& diagnostics) {
    return static_cast<std::size_t>(std::count_if(
        diagnostics.begin(), diagnostics.end(), [](const Diagnostic& d) { return is_error(d) && d.primary.known(); }));
}

bool proves(const std::string& command) {
    return command != "check" && command != "board";
}

std::string plural(std::size_t n, const char* word) {
    return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s");
}

void add_findings(const Answer& answer, const verifier::PropertyResult& result, std::vector<Item>& items) {
    for (const auto& finding : result.findings) {
        Item item{finding.diagnostic, finding.fingerprint, finding.partitions, &result,
                  answer.in_force(finding.fingerprint)};
        const auto* listed = find(answer.acknowledged, finding.fingerprint);
        if (listed != nullptr && item.acknowledged == nullptr)
            item.diagnostic.notes.push_back(fmt::format("was acknowledged until {}, which is over on {}: {}",
                                                        listed->expires, answer.day, listed->reason));
        items.push_back(std::move(item));
    }
    const bool undecided = result.verdict == Verdict::inconclusive;
    if (undecided || result.verdict == Verdict::disagreed ||
        (result.verdict == Verdict::violated && result.findings.empty())) {
        Diagnostic d;
        d.severity = undecided ? Severity::warning : Severity::error;
        d.id = result.id;
        d.message =
            std::string(verifier::name(result.verdict)) + ": " + (result.reason.empty() ? result.title : result.reason);
        items.push_back({std::move(d), result.id, {}, &result, nullptr});
    }
}

// Where the bytes are not those that were sealed or no manifest, every other property has judged what is not meant: the
// cause comes before what follows from it.
bool is_cause(std::string_view id) {
    return id == "image.digests" || id == "image.manifest" || id == "image.well-formed";
}

std::string in_form(const Answer& answer, Format format, bool all, bool color) {
    switch (format) {
    case Format::brief:
        return as_brief(answer, all);
    case Format::json:
        return as_json(answer);
    case Format::sarif:
        return as_sarif(answer);
    case Format::junit:
        return as_junit(answer);
    case Format::github:
        return as_github(answer);
    case Format::html:
        return as_html(answer);
    case Format::text:
        break;
    }
    return as_text(answer, all, color);
}

} // namespace

std::vector<std::string_view> format_names() {
    std::vector<std::string_view> names;
    for (const auto& known : kFormats)
        names.push_back(known.name);
    return names;
}

void AnswerOptions::declare(CLI::App& app, bool properties) {
    app.add_option("-f,--format", format,
                   "text, short (one line each), json, sarif, junit, github or html (default: text)")
        ->type_name("FORM")
        ->take_last();
    if (properties)
        app.add_flag("-a,--all", all, "list every property with its verdict");
}

std::optional<Format> AnswerOptions::parse(const Terminal& terminal) const {
    for (const auto& known : kFormats)
        if (format == known.name)
            return known.format;
    const auto names = format_names();
    const auto near = config::nearest(format, names);
    (void)terminal.usage("`--format` is one of " + config::tick_list(names) + ", not `" + format + "`",
                         near.empty() ? "" : "did you mean `" + std::string(near) + "`?");
    return std::nullopt;
}

bool Answer::any_finding() const {
    return count_errors(diagnostics) != 0;
}

bool Answer::any_failure() const {
    return std::any_of(diagnostics.begin(), diagnostics.end(), is_failure);
}

std::vector<Diagnostic> Answer::failures() const {
    std::vector<Diagnostic> all;
    std::copy_if(diagnostics.begin(), diagnostics.end(), std::back_inserter(all), is_failure);
    return all;
}

std::vector<Item> Answer::items() const {
    std::vector<Item> all;
    for (const auto& d : diagnostics)
        if (!is_failure(d))
            all.push_back({d, fingerprint(d), {}, nullptr, nullptr});
    if (!report)
        return all;
    for (const auto& d : report->defects)
        all.push_back({d, fingerprint(d), {}, nullptr, nullptr});
    for (const bool causes : {true, false})
        for (const auto& result : report->results)
            if (is_cause(result.id) == causes)
                add_findings(*this, result, all);
    return all;
}

const Acknowledgement* Answer::in_force(const std::string& fingerprint) const {
    const Acknowledgement* entry = find(acknowledged, fingerprint);
    return entry != nullptr && day <= entry->expires ? entry : nullptr;
}

bool Answer::acknowledged_whole(const verifier::PropertyResult& result) const {
    // A violated property has a reason only when it has more findings than it lists.
    return result.verdict == Verdict::violated && result.reason.empty() && !result.findings.empty() &&
           std::all_of(result.findings.begin(), result.findings.end(),
                       [&](const auto& finding) { return in_force(finding.fingerprint) != nullptr; });
}

std::size_t Answer::count_acknowledged() const {
    const auto all = items();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const Item& item) { return item.acknowledged != nullptr; }));
}

const char* Answer::verdict() const {
    if (any_finding()) {
        return std::any_of(diagnostics.begin(), diagnostics.end(), is_unreadable) ? "unreadable" : "invalid";
    }
    if (any_failure())
        return "failed";
    if (!report)
        return "clean";
    if (report->proved()) // of an image alone this leaves out what takes its appliance file
        return report->count(Verdict::not_judged) == 0 ? "proved" : "not-judged";
    if (!report->defects.empty()) // not an image at all: there was nothing to judge
        return "unreadable";
    if (report->count(Verdict::disagreed) != 0) // the verifier itself is wrong somewhere: whatever else it says
        return "disagreed";
    for (const auto& result : report->results)
        if (result.verdict == Verdict::violated && !acknowledged_whole(result))
            return "violated";
    const bool decided =
        report->count(Verdict::inconclusive) == 0 && report->results.size() == verifier::registry().size();
    return decided ? "acknowledged" : "inconclusive";
}

int Answer::exit_code() const {
    const std::string_view word = verdict();
    if (word == "invalid" || word == "violated")
        return kFindings;
    if (word == "failed" || word == "unreadable")
        return kFailed;
    return word == "inconclusive" || word == "disagreed" ? kInconclusive : kDone;
}

std::string summary(const verifier::Report& report) {
    const std::size_t unjudged = report.count(Verdict::not_judged);
    const std::size_t disagreed = report.count(Verdict::disagreed);
    return fmt::format(
        "{}: {} proved, {} violated, {} inconclusive{}, {} checked at boot, {} not applicable{} ({:.2f} s)",
        report.results.size() == 1 ? "1 property" : fmt::format("{} properties", report.results.size()),
        report.count(Verdict::proved), report.count(Verdict::violated), report.count(Verdict::inconclusive),
        disagreed == 0 ? "" : fmt::format(", {} disagreed", disagreed), report.count(Verdict::checked_at_boot),
        report.count(Verdict::not_applicable), unjudged == 0 ? "" : fmt::format(", {} not judged", unjudged),
        report.seconds);
}

int give(const Terminal& terminal, const Answer& answer, const AnswerOptions& options) {
    const auto format = options.parse(terminal);
    if (!format)
        return kUsage;
    const bool to_file = !options.output.empty() && options.output != "-";
    const std::string text = in_form(answer, *format, options.all, !to_file && terminal.color_on_stdout());
    if (to_file) {
        auto file = PendingFile::make(options.output);
        if (!file.ok())
            return terminal.fail(file.diagnostics);
        if (const auto failed = file.value->commit(text); !failed.empty())
            return terminal.fail(failed);
    } else {
        terminal.print(text);
    }
    if (const auto failures = answer.failures(); !failures.empty())
        (void)terminal.fail(failures);
    if (answer.report) {
        terminal.say(summary(*answer.report));
        if (answer.verdict() == std::string_view("not-judged"))
            terminal.say("what takes the appliance file was not judged: `septum verify appliance.yaml " + answer.image +
                         "` does");
        if (!answer.report->defects.empty())
            terminal.say("the image cannot be read, so nothing is proved about it");
        if (const auto count = answer.count_acknowledged(); count != 0)
            terminal.say(plural(count, "finding") + " acknowledged: not proved, but accepted");
    } else if (const auto errors = count_errors(answer.diagnostics); errors != 0) {
        terminal.say(plural(errors, "error") + (proves(answer.command) ? ": nothing was proved" : ""));
    }
    return answer.exit_code();
}

} // namespace septum::cli
