// SPDX-License-Identifier: Apache-2.0
// The JSON form. Its description is docs/json.md; whatever is not an addition counts kJsonVersion up.
#include "cli/formats/formats.hpp"
#include "cli/version.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace septum::cli {
namespace {

constexpr int kJsonVersion = 1;

using nlohmann::ordered_json;

ordered_json to_json(const config::Span& span, const config::Sources& sources) {
    if (!span.known() || span.file >= sources.files.size())
        return nullptr;
    return {{"file", sources.files[span.file].name},
            {"line", span.line},
            {"column", span.column},
            {"end_line", span.end_line},
            {"end_column", span.end_column}};
}

const char* name(config::Severity severity) {
    switch (severity) {
    case config::Severity::warning:
        return "warning";
    case config::Severity::note:
        return "note";
    case config::Severity::error:
        break;
    }
    return "error";
}

ordered_json to_json(const config::Diagnostic& d, const config::Sources& sources) {
    ordered_json related = ordered_json::array();
    for (const auto& label : d.related)
        related.push_back({{"place", to_json(label.span, sources)}, {"text", label.text}});
    return {{"severity", name(d.severity)},
            {"id", d.id},
            {"message", d.message},
            {"place", to_json(d.primary, sources)},
            {"label", d.label},
            {"related", std::move(related)},
            {"notes", d.notes},
            {"help", d.help},
            {"rendered", config::render(d, sources, false)}};
}

ordered_json to_json(const std::optional<verifier::Verdict>& verdict) {
    return verdict ? ordered_json(verifier::name(*verdict)) : ordered_json(nullptr);
}

ordered_json to_json(const Acknowledgement* entry) {
    if (entry == nullptr)
        return nullptr;
    return {{"reason", entry->reason}, {"expires", entry->expires}};
}

ordered_json to_json(const verifier::PropertyResult& result, const Answer& answer) {
    const config::Sources& sources = answer.sources;
    ordered_json findings = ordered_json::array();
    for (const auto& finding : result.findings) {
        auto entry = to_json(finding.diagnostic, sources);
        entry["fingerprint"] = finding.fingerprint;
        entry["partitions"] = finding.partitions;
        entry["acknowledged"] = to_json(answer.in_force(finding.fingerprint));
        findings.push_back(std::move(entry));
    }
    ordered_json rests_on = ordered_json::array();
    for (const auto& span : result.rests_on)
        rests_on.push_back(to_json(span, sources));
    return {{"id", result.id},
            {"title", result.title},
            {"level", verifier::name(result.level)},
            {"verdict", verifier::name(result.verdict)},
            {"reason", result.reason},
            {"by_enumeration", to_json(result.by_enumeration)},
            {"by_solver", to_json(result.by_solver)},
            {"findings", std::move(findings)},
            {"rests_on", std::move(rests_on)}};
}

std::string hex(const std::array<std::uint8_t, 32>& digest) {
    std::string text;
    for (const auto byte : digest)
        text += fmt::format("{:02x}", byte);
    return text;
}

} // namespace

std::string as_json(const Answer& answer) {
    ordered_json root = {{"format", kJsonVersion},
                         {"septum", kVersion},
                         {"command", answer.command},
                         {"appliance", answer.appliance},
                         {"image", answer.image.empty() ? ordered_json(nullptr) : ordered_json(answer.image)},
                         {"verdict", answer.verdict()}};
    ordered_json diagnostics = ordered_json::array();
    for (const auto& d : answer.diagnostics)
        diagnostics.push_back(to_json(d, answer.sources));
    if (answer.report)
        for (const auto& d : answer.report->defects)
            diagnostics.push_back(to_json(d, answer.sources));
    root["diagnostics"] = std::move(diagnostics);
    if (answer.report) {
        const auto& report = *answer.report;
        using verifier::Verdict;
        root["summary"] = {{"properties", report.results.size()},
                           {"proved", report.count(Verdict::proved)},
                           {"violated", report.count(Verdict::violated)},
                           {"inconclusive", report.count(Verdict::inconclusive)},
                           {"disagreed", report.count(Verdict::disagreed)},
                           {"checked_at_boot", report.count(Verdict::checked_at_boot)},
                           {"not_applicable", report.count(Verdict::not_applicable)},
                           {"not_judged", report.count(Verdict::not_judged)},
                           {"acknowledged", answer.count_acknowledged()},
                           {"seconds", report.seconds}};
        root["image_sha256"] = answer.image.empty() ? ordered_json(nullptr) : ordered_json(hex(report.image_digest));
        ordered_json properties = ordered_json::array();
        for (const auto& result : report.results)
            properties.push_back(to_json(result, answer));
        root["properties"] = std::move(properties);
    }
    // A file name that is not UTF-8 must not cost the user the answer.
    return root.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

} // namespace septum::cli
