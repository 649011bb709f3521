// SPDX-License-Identifier: Apache-2.0
#include "cli/lint.hpp"

#include "verifier/flow.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace septum::cli {
namespace {

using config::Diagnostic;
using config::FlowEnd;
using config::FlowRule;
using config::Model;

Diagnostic warning(const char* id, std::string message, config::Span span, std::string label, std::string help) {
    Diagnostic d;
    d.severity = config::Severity::warning;
    d.id = id;
    d.message = std::move(message);
    d.primary = span;
    d.label = std::move(label);
    d.help = std::move(help);
    return d;
}

const std::string& name_of(const Model& model, const FlowEnd& end) {
    return end.external ? model.externals[end.index].name.value : model.partitions[end.index].name.value;
}

std::uint32_t node_of(const Model& model, const FlowEnd& end) {
    return end.external ? static_cast<std::uint32_t>(model.partitions.size()) + end.index : end.index;
}

bool same_end(const FlowEnd& a, const FlowEnd& b) {
    return a.external == b.external && a.index == b.index;
}

// Whatever such a partition does, nobody sees it: a console was forgotten, or the whole partition is of no use.
void alone(const Model& model, std::vector<Diagnostic>& out) {
    for (std::size_t p = 0; p < model.partitions.size(); p++) {
        const auto& partition = model.partitions[p];
        const bool joined = std::any_of(model.channels.begin(), model.channels.end(), [&](const auto& channel) {
            return channel.from.value == p || channel.to.value == p;
        });
        if (partition.console || joined || !partition.devices.empty() || !partition.ports_first.empty())
            continue;
        out.push_back(warning("lint.alone", fmt::format("nobody sees what `{}` does", partition.name.value),
                              partition.name.span, "no console, no channel, no device, no port",
                              "give it `console: true`, a channel or a device"));
    }
}

void externals(const Model& model, std::vector<Diagnostic>& out) {
    for (std::uint32_t i = 0; i < model.externals.size(); i++) {
        const FlowEnd external{true, i, {}};
        const bool ruled = std::any_of(model.policy.begin(), model.policy.end(), [&](const FlowRule& rule) {
            return same_end(rule.from, external) || same_end(rule.to, external);
        });
        if (ruled)
            continue;
        const auto& name = model.externals[i].name;
        out.push_back(warning("lint.external-without-rule", fmt::format("no rule begins or ends at `{}`", name.value),
                              name.span, "whoever is there may reach everybody",
                              fmt::format("add a rule such as `never: {{from: {}, to: {}}}`", name.value,
                                          model.partitions.front().name.value)));
    }
}

void rules(const Model& model, std::vector<Diagnostic>& out) {
    const auto flow = verifier::declared_flow(model);
    for (std::size_t i = 0; i < model.policy.size(); i++) {
        const FlowRule& rule = model.policy[i];
        const auto& from = name_of(model, rule.from);
        const auto& to = name_of(model, rule.to);
        const auto first = std::find_if(model.policy.begin(), model.policy.end(), [&](const FlowRule& other) {
            return other.only == rule.only && same_end(other.from, rule.from) && same_end(other.to, rule.to) &&
                   std::equal(other.via.begin(), other.via.end(), rule.via.begin(), rule.via.end(), same_end);
        });
        if (first != model.policy.begin() + static_cast<std::ptrdiff_t>(i)) {
            auto twice = warning("lint.rule-twice", "the rule is there twice", rule.span, "again", "take one out");
            twice.related.push_back({first->span, "first here"});
            out.push_back(std::move(twice));
            continue;
        }
        if (!rule.only)
            continue;
        const auto source = node_of(model, rule.from);
        const auto target = node_of(model, rule.to);
        if (flow.way(source, target).empty()) {
            out.push_back(warning("lint.only-without-way", fmt::format("nothing flows from `{}` to `{}`", from, to),
                                  rule.span, "so this holds whatever `via` says",
                                  fmt::format("`never: {{from: {}, to: {}}}` says more", from, to)));
            continue;
        }
        for (const auto& stop : rule.via) {
            const auto node = node_of(model, stop);
            if (!flow.way(source, node).empty() && !flow.way(node, target).empty())
                continue;
            out.push_back(warning("lint.via-off-the-way",
                                  fmt::format("no way from `{}` to `{}` passes `{}`", from, to, name_of(model, stop)),
                                  stop.span, "says nothing here", "take it out, or name who is meant"));
        }
    }
}

} // namespace

std::vector<Diagnostic> lint(const Model& model) {
    std::vector<Diagnostic> out;
    alone(model, out);
    externals(model, out);
    rules(model, out);
    std::sort(out.begin(), out.end(), [](const Diagnostic& a, const Diagnostic& b) {
        return std::tie(a.primary.file, a.primary.line, a.primary.column, a.id) <
               std::tie(b.primary.file, b.primary.line, b.primary.column, b.id);
    });
    return out;
}

} // namespace septum::cli
