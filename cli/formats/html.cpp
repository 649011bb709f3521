// SPDX-License-Identifier: Apache-2.0
// The report: one file that needs no network, for the person who must sign for the appliance.
#include "cli/formats/html.hpp"

#include "cli/formats/formats.hpp"
#include "cli/formats/markup.hpp"
#include "cli/version.hpp"

#include <fmt/format.h>

namespace septum::cli {
namespace {

using verifier::Verdict;

std::string sentence(const Answer& answer) {
    const std::string_view word = answer.verdict();
    if (word == "proved")
        return answer.image.empty()
                   ? answer.overview && answer.overview->from_bytes
                         ? "Every property that applies is proved, on the tables this appliance leads to."
                         : "Every property of the model alone that applies is proved. No bytes were judged."
                   : "Every property that applies is proved, on the bytes of the image.";
    if (word == "clean")
        return "The appliance is written well. Nothing was proved: this is not a verdict on its isolation.";
    if (word == "violated")
        return "At least one property does not hold. This appliance must not be shipped as it is.";
    if (word == "acknowledged")
        return "Some properties do not hold, and somebody accepted that, with reasons and until a day. They are not "
               "proved.";
    if (word == "disagreed")
        return "Enumeration and solver do not say the same of some property: the verifier itself is wrong. That is not a "
               "proof.";
    if (word == "inconclusive")
        return "Nothing is violated, and something could not be decided. That is not a proof.";
    if (word == "unreadable")
        return "The input could not be read: nothing is proved about it.";
    if (word == "failed")
        return "Septum could not do its work: nothing is proved.";
    return "The appliance has errors: nothing was proved.";
}

std::string tiles(const verifier::Report& report) {
    std::string text = "<ul class=\"tiles\">";
    for (const auto verdict :
         {Verdict::proved, Verdict::violated, Verdict::inconclusive, Verdict::disagreed, Verdict::checked_at_boot,
          Verdict::not_applicable}) {
        if (verdict == Verdict::disagreed && report.count(verdict) == 0)
            continue;
        text += fmt::format("<li class=\"{}\"><b>{}</b>{}</li>",
                            verdict == Verdict::violated && report.count(verdict) == 0       ? "not-applicable"
                            : verdict == Verdict::inconclusive && report.count(verdict) == 0 ? "not-applicable"
                                                                                             : verifier::name(verdict),
                            report.count(verdict), verifier::name(verdict));
    }
    return text + "</ul>\n";
}

std::string finding_section(const Answer& answer) {
    std::string text;
    for (const auto& d : answer.failures())
        text += "<pre class=\"finding\" tabindex=\"0\">" + escape_markup(config::render(d, answer.sources, false)) +
                "</pre>\n";
    for (const auto& item : answer.items()) {
        if (item.acknowledged != nullptr)
            text += fmt::format("<p>{} until {}: {}</p>\n", badge("acknowledged"), item.acknowledged->expires,
                                escape_markup(item.acknowledged->reason));
        text += fmt::format("<pre class=\"finding{}\" tabindex=\"0\">{}</pre>\n",
                            item.diagnostic.severity == config::Severity::error ? "" : " warning",
                            escape_markup(config::render(item.diagnostic, answer.sources, false)));
    }
    if (text.empty())
        return {};
    return "<section aria-labelledby=\"findings\"><h2 id=\"findings\">Findings and notes</h2>\n" + text +
           "</section>\n";
}

std::string digest_section(const Overview& overview) {
    std::string rows;
    for (const auto& line : overview.digests)
        rows += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"num digest\">{}</td></tr>\n", words(line.what),
                            line.digest);
    if (rows.empty())
        return {};
    return "<section aria-labelledby=\"digests\"><h2 id=\"digests\">Digests</h2>\n<p>SHA-256, computed from the bytes "
           "that were judged. <code>sha256sum</code> of the image must give the first one.</p>\n" +
           table("SHA-256 digests", "", {"of", "SHA-256"}, rows) + "</section>\n";
}

std::string source_section(const config::Sources& sources) {
    std::string text;
    for (std::size_t f = 0; f < sources.files.size(); f++) {
        const auto& file = sources.files[f];
        text += fmt::format("<h3>{}</h3>\n<pre class=\"src\" tabindex=\"0\" aria-label=\"{}\">",
                            escape_markup(source_name(file)), escape_markup(source_name(file)));
        std::size_t line = 1;
        for (std::size_t at = 0; at < file.text.size(); line++) {
            const auto end = std::min(file.text.find('\n', at), file.text.size());
            text += fmt::format("<span id=\"f{}l{}\" data-n=\"{}\">{}</span>", f, line, line,
                                escape_markup(std::string_view(file.text).substr(at, end - at)));
            at = end + 1;
        }
        text += "</pre>\n";
    }
    if (text.empty())
        return {};
    return "<section aria-labelledby=\"source\"><h2 id=\"source\">Sources</h2>\n" + text + "</section>\n";
}

struct Section {
    const char* id;
    const char* name;
    std::string text;
};

} // namespace

std::string as_html(const Answer& answer) {
    std::vector<Section> sections = {{"findings", "Findings", finding_section(answer)}};
    if (answer.overview) {
        sections.push_back({"memory", "Memory", memory_section(*answer.overview)});
        sections.push_back({"flows", "Flows", flow_section(*answer.overview, answer.sources)});
        sections.push_back({"partitions", "Partitions", partition_section(*answer.overview, answer.sources)});
    }
    sections.push_back({"properties", "Properties", property_section(answer)});
    if (answer.overview)
        sections.push_back({"digests", "Digests", digest_section(*answer.overview)});
    sections.push_back({"assumptions", "Assumptions", assumption_section(answer)});
    sections.push_back({"source", "Sources", source_section(answer.sources)});

    const std::string name = answer.overview ? answer.overview->name : answer.appliance;
    std::string text = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" "
        "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
        "<link rel=\"icon\" href=\"data:,\">\n<title>{} – septum {}</title>\n<style>\n",
        escape_markup(name), answer.verdict());
    text += kReportStyle;
    text += "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<div "
            "class=\"bar\" role=\"banner\"><div><nav aria-label=\"Sections\">";
    for (const auto& section : sections)
        if (!section.text.empty())
            text += fmt::format("<a href=\"#{}\">{}</a>", section.id, section.name);
    text += "</nav><input type=\"search\" id=\"search\" placeholder=\"Search ( / )\" aria-label=\"Search the "
            "report\"><button type=\"button\" id=\"theme\">Theme: system</button><span class=\"soft\" id=\"found\" "
            "role=\"status\"></span></div></div>\n<main id=\"main\">\n";
    text += fmt::format("<header><h1>{}</h1>\n<div class=\"head\">{}", escape_markup(name), badge(answer.verdict()));
    text += "<p>" + sentence(answer) + "</p></div>\n";
    if (answer.overview) {
        std::string facts;
        for (const auto& fact : answer.overview->board_facts)
            facts += ", " + escape_markup(fact);
        text += fmt::format("<p class=\"soft\">{} partition{} on board <code>{}</code>{}.</p>\n",
                            answer.overview->partitions.size(), answer.overview->partitions.size() == 1 ? "" : "s",
                            escape_markup(answer.overview->board), facts);
    }
    if (answer.report)
        text += tiles(*answer.report);
    text += "</header>\n";
    for (const auto& section : sections)
        text += section.text;
    text += fmt::format(
        "<footer>Written by septum {} (<code>septum {} {}</code>). It needs nothing but this file.</footer>\n"
        "</main>\n<script>\n",
        kVersion, escape_markup(answer.command),
        escape_markup(answer.appliance + (answer.image.empty() ? "" : " " + answer.image)));
    return text + kReportScript + "</script>\n</body>\n</html>\n";
}

} // namespace septum::cli
