// SPDX-License-Identifier: Apache-2.0
#include "cli/acknowledged.hpp"

#include "config/fields.hpp"
#include "config/scalars.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fmt/format.h>

namespace septum::cli {
namespace {

using config::Diagnostics;
using config::Node;

void read_date(const Node& node, Acknowledgement& entry, Diagnostics& diagnostics) {
    if (node.kind == Node::Kind::scalar && is_date(node.text)) {
        entry.expires = node.text;
        return;
    }
    config::wrong_type(node, "expires", "a day such as `2027-01-31`", diagnostics).help =
        "an acknowledgement holds up to and including that day";
}

void read_entry(const Node& node, std::vector<Acknowledgement>& all, Diagnostics& diagnostics) {
    if (!config::expect_mapping(node, "findings", "a mapping with `fingerprint`, `reason` and `expires`", diagnostics))
        return;
    const config::Fields fields(node, "the finding", node.span,
                                {{"fingerprint", true}, {"reason", true}, {"expires", true}}, diagnostics);
    Acknowledgement entry;
    if (const Node* fingerprint = fields.find("fingerprint")) {
        entry.fingerprint =
            config::read_text(*fingerprint, "fingerprint", "a finding's fingerprint", diagnostics).value_or("");
        entry.span = fingerprint->span;
    }
    if (const Node* reason = fields.find("reason"))
        entry.reason = config::read_text(*reason, "reason", "why the finding is accepted", diagnostics).value_or("");
    if (const Node* expires = fields.find("expires"))
        read_date(*expires, entry, diagnostics);
    if (entry.fingerprint.empty())
        return;
    if (const Acknowledgement* earlier = find(all, entry.fingerprint)) {
        auto& twice = diagnostics.error("acknowledged.twice", "the finding is acknowledged twice", entry.span, "again");
        twice.related.push_back({earlier->span, "first here"});
        twice.help = "keep one of the two";
        return;
    }
    all.push_back(std::move(entry));
}

void read_list(const Node& root, config::Span start, std::vector<Acknowledgement>& all, Diagnostics& diagnostics) {
    if (!config::expect_mapping(root, "the file", "a mapping with `acknowledged` and `findings`", diagnostics))
        return;
    const config::Fields fields(root, "the list of acknowledged findings", start,
                                {{"acknowledged", true}, {"findings", true}}, diagnostics);
    if (const Node* version = fields.find("acknowledged");
        version != nullptr && (version->kind != Node::Kind::scalar || version->text != "1" || version->quoted))
        diagnostics.error("acknowledged.version",
                          fmt::format("`acknowledged` expects 1, found {}", config::describe(*version)), version->span,
                          "this version reads list 1 only");
    const Node* findings = fields.find("findings");
    if (findings == nullptr || !config::expect_list(*findings, "findings", "a list of findings", diagnostics))
        return;
    for (const Node& item : findings->items)
        read_entry(item, all, diagnostics);
}

} // namespace

bool is_date(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-')
        return false;
    const auto number = [&](std::size_t at, std::size_t length) {
        int value = -1;
        const char* const end = text.data() + at + length;
        const auto [stop, error] = std::from_chars(text.data() + at, end, value);
        return error == std::errc() && stop == end ? value : -1;
    };
    const int year = number(0, 4);
    const int month = number(5, 2);
    const int day = number(8, 2);
    return year >= 0 && month > 0 && day > 0 &&
           std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                       std::chrono::day(static_cast<unsigned>(day)))
               .ok();
}

std::string today() {
    const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                       static_cast<unsigned>(day.day()));
}

config::Outcome<std::vector<Acknowledgement>> read_acknowledged(const std::filesystem::path& file,
                                                                config::Sources& sources) {
    Diagnostics diagnostics;
    std::vector<Acknowledgement> all;
    if (auto text = config::read_source(file, {}, diagnostics)) {
        const auto number = static_cast<std::uint32_t>(sources.files.size());
        sources.files.push_back({file.string(), *std::move(text)});
        const config::LineIndex lines(sources.files.back().text, number);
        if (config::check_characters(lines, diagnostics)) {
            if (const auto root = config::parse_yaml(lines, diagnostics))
                read_list(*root, lines.span(root->begin, root->begin), all, diagnostics);
        }
    }
    if (diagnostics.any_error())
        return {std::nullopt, diagnostics.take_sorted()};
    return {std::move(all), diagnostics.take_sorted()};
}

const Acknowledgement* find(const std::vector<Acknowledgement>& all, std::string_view fingerprint) {
    const auto it =
        std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.fingerprint == fingerprint; });
    return it == all.end() ? nullptr : &*it;
}

} // namespace septum::cli
