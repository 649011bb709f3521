// SPDX-License-Identifier: Apache-2.0
// SARIF 2.1.0 (OASIS), as code-scanning services read it. Their limits are kept: 5,000 results of a run are shown and
// 1,000 locations of a result; what is beyond is cut and said to be.
#include "cli/formats/formats.hpp"

#include "cli/digest.hpp"
#include "cli/files.hpp"
#include "cli/version.hpp"
#include "config/snippet.hpp"
#include "verifier/properties/registry.hpp"

#include <cctype>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

namespace septum::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostResults = 5000;
constexpr std::size_t kMostLocations = 1000;

// A relative reference as RFC 3986 has it; an absolute path as a file URI.
std::string uri_of(const std::string& path) {
    std::string uri = path.starts_with('/') ? "file://" : "";
    for (const char c : path.starts_with("./") ? path.substr(2) : path) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain =
            byte < 0x80 && (std::isalnum(byte) != 0 || std::string_view("-._~/+").find(c) != std::string_view::npos);
        uri += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return uri;
}

// SARIF §3.30: lines and columns from 1, the end column exclusive; columns in code points, as the run says.
ordered_json region(const config::Span& span, const config::SourceFile& file) {
    const std::uint32_t begin = character_column(file, span.line, span.column);
    ordered_json region = {{"startLine", span.line}, {"startColumn", begin}};
    region["snippet"] = {{"text", std::string(config::source_line(file.text, span.line))}};
    if (span.end_line < span.line)
        return region;
    const std::uint32_t end = character_column(file, span.end_line, span.end_column);
    if (span.end_line > span.line)
        region["endLine"] = span.end_line;
    region["endColumn"] = span.end_line > span.line ? end : std::max(end, begin);
    return region;
}

class Log {
public:
    explicit Log(const Answer& answer) : answer_(answer) {}

    ordered_json whole() {
        const auto items = answer_.items();
        ordered_json results = ordered_json::array();
        for (const auto& item : items)
            if (results.size() < kMostResults)
                results.push_back(result(item));
        ordered_json notifications = ordered_json::array();
        for (const auto& d : answer_.failures())
            notifications.push_back(
                {{"level", "error"}, {"descriptor", {{"id", d.id}}}, {"message", {{"text", d.message}}}});
        if (items.size() > kMostResults)
            notifications.push_back(
                {{"level", "warning"},
                 {"descriptor", {{"id", "sarif.more-results"}}},
                 {"message", {{"text", fmt::format("{} more results are not listed", items.size() - kMostResults)}}}});
        ordered_json invocation = {{"executionSuccessful", answer_.failures().empty()},
                                   {"exitCode", answer_.exit_code()}};
        if (!notifications.empty())
            invocation["toolExecutionNotifications"] = std::move(notifications);
        ordered_json driver = {{"name", "septum"}, {"semanticVersion", kVersion}, {"rules", std::move(rules_)}};
        return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                {"version", "2.1.0"},
                {"runs",
                 {{{"tool", {{"driver", std::move(driver)}}},
                   {"automationDetails", {{"id", "septum-" + answer_.command + "/" + answer_.appliance}}},
                   {"invocations", ordered_json::array({std::move(invocation)})},
                   {"columnKind", "unicodeCodePoints"},
                   {"results", std::move(results)}}}}};
    }

private:
    ordered_json location(const config::Span& span) const {
        const bool known = span.known() && span.file < answer_.sources.files.size();
        // Code scanning refuses a result without a place: what concerns the whole is at the appliance's first line.
        const std::string& name = known ? answer_.sources.files[span.file].name : answer_.appliance;
        return {{"physicalLocation",
                 {{"artifactLocation", {{"uri", uri_of(name)}}},
                  {"region", known ? region(span, answer_.sources.files[span.file])
                                   : ordered_json{{"startLine", 1}, {"startColumn", 1}}}}}};
    }

    std::size_t rule(const std::string& id) {
        const auto [it, is_new] = rule_index_.try_emplace(id, rule_index_.size());
        if (!is_new)
            return it->second;
        ordered_json entry = {{"id", id}};
        if (const auto* property = verifier::find_property(id)) {
            entry["shortDescription"] = {{"text", std::string(property->title) + "."}};
            entry["fullDescription"] = {{"text", property->statement}};
            entry["help"] = {{"text", std::string(property->mend) + ". It rests on: " + property->rests_on + "."}};
        } else {
            entry["shortDescription"] = {{"text", "A rule of the appliance's language: " + id + "."}};
        }
        rules_.push_back(std::move(entry));
        return it->second;
    }

    static std::string words(const config::Diagnostic& d) {
        std::string text = d.message;
        if (!d.label.empty())
            text += " (" + d.label + ")";
        for (const auto& note : d.notes)
            text += "\n" + note;
        if (!d.help.empty())
            text += "\nhelp: " + d.help;
        return text;
    }

    ordered_json result(const Item& item) {
        const auto& d = item.diagnostic;
        const char* const level = d.severity == config::Severity::error     ? "error"
                                  : d.severity == config::Severity::warning ? "warning"
                                                                            : "note";
        const auto index = rule(d.id);
        ordered_json result = {
            {"ruleId", d.id},
            {"ruleIndex", index},
            {"level", level},
            {"message", {{"text", words(d)}}},
            {"locations", ordered_json::array({location(d.primary)})},
            // The second key is the one that GitHub tells findings apart by.
            {"partialFingerprints",
             {{"septum/v1", item.fingerprint},
              {"primaryLocationLineHash", sha256(bytes_of(item.fingerprint)).substr(0, 16) + ":1"}}}};
        ordered_json related = ordered_json::array();
        for (const auto& label : d.related) {
            if (related.size() + 1 == kMostLocations)
                break;
            auto entry = location(label.span);
            entry["id"] = related.size() + 1;
            entry["message"] = {{"text", label.text}};
            related.push_back(std::move(entry));
        }
        if (!related.empty())
            result["relatedLocations"] = std::move(related);
        if (item.acknowledged != nullptr)
            result["suppressions"] = ordered_json::array(
                {{{"kind", "external"},
                  {"status", "accepted"},
                  {"justification", item.acknowledged->reason + " (until " + item.acknowledged->expires + ")"}}});
        if (!item.partitions.empty())
            result["properties"] = {{"partitions", item.partitions}};
        return result;
    }

    const Answer& answer_;
    std::map<std::string, std::size_t> rule_index_;
    ordered_json rules_ = ordered_json::array();
};

} // namespace

std::string as_sarif(const Answer& answer) {
    return Log(answer).whole().dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

} // namespace septum::cli
