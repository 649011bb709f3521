// SPDX-License-Identifier: Apache-2.0
// Partitions, flows, properties, assumptions.
#include "cli/formats/html.hpp"
#include "cli/formats/markup.hpp"
#include "config/show.hpp"
#include "verifier/properties/registry.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace septum::cli {
namespace {

std::string ranges(const std::vector<Numbered>& all) {
    std::string text;
    for (const auto& range : all)
        text += fmt::format("{}<code>{:#x}</code>", text.empty() ? "" : ", ", range.first) +
                (range.last == range.first ? "" : fmt::format(" to <code>{:#x}</code>", range.last));
    return text.empty() ? "none" : text;
}

std::string listed(const std::vector<std::string>& all) {
    std::string text;
    for (const auto& entry : all)
        text += (text.empty() ? "" : ", ") + words(entry);
    return text.empty() ? "none" : text;
}

std::string card(const PartitionView& view, const config::Sources& sources, bool from_bytes) {
    std::string cpus = fmt::format("{}", view.cpu_count);
    for (std::size_t i = 0; i < view.apic_ids.size(); i++)
        cpus += fmt::format("{}{}", i == 0 ? ", APIC id " : ", ", view.apic_ids[i]);
    const auto line = line_link(view.span, sources);
    std::string text = fmt::format(
        "<article class=\"card\"><h3>{}</h3>\n<dl><dt>starts</dt><dd>{}</dd><dt>CPUs</dt><dd>{}</dd><dt>on a "
        "fault</dt><dd>{}</dd><dt>devices</dt><dd>{}</dd><dt>also</dt><dd>{}</dd>",
        escape_markup(view.name), words(view.boot), cpus, escape_markup(view.on_fault), listed(view.devices),
        listed(view.traits));
    if (from_bytes)
        text += fmt::format("<dt>ports without an exit</dt><dd>{}</dd><dt>MSRs without an exit</dt><dd>{}</dd>"
                            "<dt>payload</dt><dd>{}, SHA-256 <code class=\"digest\">{}</code></dd>",
                            ranges(view.ports), ranges(view.msrs), bytes_text(view.payload_bytes), view.payload_digest);
    text += fmt::format("<dt>declared</dt><dd>{}</dd></dl>\n", line.empty() ? "in the appliance" : line);
    std::string rows;
    for (const auto& range : view.memory)
        rows += fmt::format("<tr><td class=\"num\">{}</td><td class=\"num\">{}</td><td><code>{}</code></td>"
                            "<th scope=\"row\">{}</th><td class=\"num\">{}</td><td>{}</td><td>{}</td></tr>\n",
                            config::show_address(range.gpa), bytes_text(range.size), range.access, words(range.what),
                            range.placed ? config::show_address(range.hpa) : "not placed yet",
                            escape_markup(range.type), line_link(range.granted_by, sources));
    return text +
           table("Memory of " + view.name, "",
                 {"guest-physical", "size", "access", "what", "host-physical", "type", "granted by"}, rows) +
           "</article>\n";
}

std::string reach_cell(const Overview& overview, std::uint32_t from, std::uint32_t to) {
    if (from == to)
        return "<td class=\"soft\" aria-label=\"itself\">·</td>";
    for (const auto& flow : overview.flows)
        if (flow.from == from && flow.to == to) {
            std::string text = "<td>";
            if (!flow.declared.empty())
                text += listed(flow.declared);
            if (overview.from_bytes && flow.granted.empty())
                text += " <span class=\"soft\">(declared, not granted)</span>";
            if (flow.declared.empty())
                text += "<span class=\"badge violated\">not declared</span> " + listed(flow.granted);
            return text + "</td>";
        }
    for (const auto& path : overview.paths)
        if (path.from == from && path.to == to) {
            std::string text = "<td><span class=\"soft\">through ";
            for (std::size_t i = 0; i < path.through.size(); i++)
                text += (i == 0 ? "" : ", ") + escape_markup(overview.nodes[path.through[i]]);
            return text + "</span></td>";
        }
    return "<td class=\"soft\">no</td>";
}

std::string two_ways(const verifier::PropertyResult& result) {
    if (!result.by_enumeration && !result.by_solver)
        return "<span class=\"soft\">–</span>";
    const auto one = [](const std::optional<verifier::Verdict>& verdict) {
        return verdict ? verifier::name(*verdict) : "not asked";
    };
    return fmt::format("enumeration: {}<br>solver: {}", one(result.by_enumeration), one(result.by_solver));
}

// What a verdict is for one partition. A violated property says of whom it is violated; of the others it says nothing.
std::string matrix_cell(const verifier::PropertyResult& result, const std::string& partition) {
    static const std::map<std::string_view, const char*> kSigns = {{"proved", "✓"},          {"violated", "✗"},
                                                                   {"inconclusive", "?"},    {"disagreed", "≠"},
                                                                   {"checked-at-boot", "◷"}, {"not-applicable", "–"}};
    std::string_view word = verifier::name(result.verdict);
    if (result.verdict == verifier::Verdict::violated) {
        const bool general = std::any_of(result.findings.begin(), result.findings.end(),
                                         [](const auto& finding) { return finding.partitions.empty(); }) ||
                             result.findings.empty() || !result.reason.empty();
        const bool named = std::any_of(result.findings.begin(), result.findings.end(), [&](const auto& finding) {
            return std::find(finding.partitions.begin(), finding.partitions.end(), partition) !=
                   finding.partitions.end();
        });
        if (!general && !named)
            return "<td><span class=\"badge not-applicable\" title=\"no finding about it, and not proved\"><span "
                   "aria-hidden=\"true\">·</span><span class=\"skip\">no finding</span></span></td>";
    }
    const auto sign = kSigns.find(word);
    return fmt::format("<td><span class=\"badge {0}\" title=\"{0}\"><span aria-hidden=\"true\">{1}</span><span "
                       "class=\"skip\">{0}</span></span></td>",
                       word, sign == kSigns.end() ? "·" : sign->second);
}

std::string property_cell(const Answer& answer, const verifier::PropertyResult& result) {
    std::string text = fmt::format("<th scope=\"row\"><details><summary><code>{}</code> {}</summary>",
                                   escape_markup(result.id), words(result.title));
    if (const auto* property = verifier::find_property(result.id))
        text += fmt::format("<p>{}</p><p><b>Rests on:</b> {}</p><p><b>Manual:</b> {}</p>", words(property->statement),
                            words(property->rests_on), words(property->manual));
    if (!result.reason.empty())
        text += fmt::format("<p><b>Why {}:</b> {}</p>", verifier::name(result.verdict), words(result.reason));
    if (!result.rests_on.empty()) {
        std::string lines;
        for (const auto& span : result.rests_on)
            if (const auto link = line_link(span, answer.sources); !link.empty())
                lines += (lines.empty() ? "" : ", ") + link;
        if (!lines.empty())
            text += "<p><b>Lines the proof used:</b> " + lines + "</p>";
    }
    return text + "</details></th>";
}

} // namespace

std::string partition_section(const Overview& overview, const config::Sources& sources) {
    std::string text = "<section aria-labelledby=\"partitions\"><h2 id=\"partitions\">Partitions</h2>\n<p>What each "
                       "one has, and its memory as it sees it";
    text += overview.from_bytes ? ", decoded from the bytes.</p>\n" : ", as declared.</p>\n";
    text += "<div class=\"cards\">\n";
    for (const auto& view : overview.partitions)
        text += card(view, sources, overview.from_bytes);
    return text + "</div></section>\n";
}

std::string flow_section(const Overview& overview, const config::Sources& sources) {
    std::string text = "<section aria-labelledby=\"flows\"><h2 id=\"flows\">Who reaches whom</h2>\n";
    text += overview.from_bytes
                ? "<p>Solid: declared and granted by the bytes. Dashed: declared only. Bold red: granted though not "
                  "declared. Dotted: only through others.</p>\n"
                : "<p>As declared; no bytes were judged. Dotted: only through others.</p>\n";
    text += "<div class=\"graph\" tabindex=\"0\" role=\"region\" aria-label=\"Flow graph\">" + flow_picture(overview) +
            "</div>\n";
    std::vector<std::string> headings = {"from ↓ to →"};
    for (const auto& node : overview.nodes)
        headings.push_back(escape_markup(node));
    std::string rows;
    for (std::uint32_t from = 0; from < overview.nodes.size(); from++) {
        rows += "<tr><th scope=\"row\">" + escape_markup(overview.nodes[from]) + "</th>";
        for (std::uint32_t to = 0; to < overview.nodes.size(); to++)
            rows += reach_cell(overview, from, to);
        rows += "</tr>\n";
    }
    text += table("Flows from each to each", "", headings, rows);
    if (!overview.policy.empty()) {
        std::string rules;
        for (const auto& rule : overview.policy)
            rules += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                                 escape_markup(rule.text), badge(rule.holds ? "holds" : "broken"),
                                 escape_markup(rule.witness), line_link(rule.span, sources));
        text += "<h3>Policy</h3>\n" + table("Policy", "", {"rule", "over every path", "broken by", "line"}, rules);
    }
    return text + "</section>\n";
}

std::string property_section(const Answer& answer) {
    if (!answer.report)
        return {};
    std::vector<std::string> headings = {"property"};
    std::vector<std::string> names;
    if (answer.overview)
        for (const auto& view : answer.overview->partitions) {
            names.push_back(view.name);
            headings.push_back(escape_markup(view.name));
        }
    for (const char* const heading : {"verdict", "level", "the two ways"})
        headings.emplace_back(heading);
    std::string rows;
    for (const auto& result : answer.report->results) {
        rows += fmt::format("<tr data-verdict=\"{}\">", verifier::name(result.verdict)) + property_cell(answer, result);
        for (const auto& name : names)
            rows += matrix_cell(result, name);
        rows += fmt::format("<td>{}</td><td>{}</td><td>{}</td></tr>\n", badge(verifier::name(result.verdict)),
                            verifier::name(result.level), two_ways(result));
    }
    std::string buttons = "<button type=\"button\" data-only=\"\" aria-pressed=\"true\">All</button>";
    for (const auto verdict :
         {verifier::Verdict::violated, verifier::Verdict::disagreed, verifier::Verdict::inconclusive,
          verifier::Verdict::proved, verifier::Verdict::checked_at_boot, verifier::Verdict::not_applicable}) {
        if (verdict == verifier::Verdict::disagreed && answer.report->count(verdict) == 0)
            continue;
        buttons += fmt::format("<button type=\"button\" data-only=\"{0}\" aria-pressed=\"false\">{0} ({1})</button>",
                               verifier::name(verdict), answer.report->count(verdict));
    }
    return "<section aria-labelledby=\"properties\"><h2 id=\"properties\">Properties</h2>\n<p>Only <i>proved</i> is a "
           "proof. <i>bytes</i> is judged on what ships, <i>model</i> on the appliance and board files; what is "
           "<i>checked at boot</i> is tested, not proved. Open a property for what it says exactly and what its proof "
           "rests on.</p>\n<div class=\"tools\" role=\"group\" aria-label=\"Show properties\">" +
           buttons + "</div>\n" + table("Property by partition", "matrix", headings, rows) + "</section>\n";
}

std::string assumption_section(const Answer& answer) {
    std::string text =
        "<section aria-labelledby=\"assumptions\"><h2 id=\"assumptions\">Assumptions</h2>\n<p>The proofs hold on a "
        "machine as the board file describes it; the kernel refuses to start on any other. Taken for granted "
        "by all:</p>\n<ul><li>processor, IOMMU and firmware do what their manuals say; system management mode is "
        "benign; no relevant errata;</li><li>the kernel's boot part and exit handlers are correct: tested, "
        "not proved;</li><li>no DMA before the IOMMU is on;</li><li>Z3 and the verifier are correct: most "
        "byte-level properties are shown twice, by enumeration and by the solver.</li></ul>\n<p>Not covered: timing "
        "and cache channels, physical attacks, a guest's own faults inside its own partition.</p>\n";
    if (!answer.report)
        return text + "</section>\n";
    std::map<std::string, std::string> by_ground; // what is taken for granted → the properties, linked by name
    for (const auto& result : answer.report->results)
        if (const auto* property = verifier::find_property(result.id);
            property != nullptr && result.verdict == verifier::Verdict::proved) {
            auto& ids = by_ground[property->rests_on];
            ids += (ids.empty() ? "<code>" : ", <code>") + escape_markup(result.id) + "</code>";
        }
    std::string rows;
    for (const auto& [ground, ids] : by_ground)
        rows += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", words(ground), ids);
    if (!rows.empty())
        text += "<h3>What single proofs rest on</h3>\n" +
                table("What proofs rest on", "", {"taken for granted", "by"}, rows);
    return text + "</section>\n";
}

} // namespace septum::cli
