// SPDX-License-Identifier: Apache-2.0
// flow.policy: the policy holds over every path.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/flow_graph.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <set>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

std::vector<std::uint32_t> passed(const config::Model& model, const config::FlowRule& rule) {
    std::vector<std::uint32_t> out;
    if (rule.only) {
        for (const config::FlowEnd& via : rule.via) {
            out.push_back(node_of(model, via));
        }
    }
    return out;
}

std::string names(const config::Model& model, const std::vector<std::uint32_t>& nodes) {
    std::string out;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        out += (i == 0 ? "" : i + 1 == nodes.size() ? " or " : ", ") + ticked(node_name(model, nodes[i]));
    }
    return out.empty() ? "nobody" : out;
}

void check_policy(const Context& context, Judge& judge, const FlowGraph& graph, bool image) {
    const config::Model& model = context.model;
    std::vector<smt::Edge> edges;
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
    for (const Flow& flow : graph.flows) {
        if (seen.emplace(flow.from, flow.to).second) {
            edges.push_back({flow.from, flow.to});
        }
    }
    std::vector<smt::Separation> separations;
    bool holds = true;
    for (const config::FlowRule& rule : model.policy) {
        judge.rests_on(rule.span);
        const std::uint32_t from = node_of(model, rule.from);
        const std::uint32_t to = node_of(model, rule.to);
        if (from >= graph.nodes || to >= graph.nodes) {
            judge.inconclusive("a rule of the policy names somebody who does not exist");
            continue;
        }
        const std::vector<std::uint32_t> via = passed(model, rule);
        separations.push_back({from, to, via});
        if (from == to) {
            holds = false;
            judge.violated({.message = fmt::format("the rule says that `{0}` never flows to `{0}`, which can't be kept",
                                                   node_name(model, from)),
                            .partitions = {node_name(model, from)},
                            .key = "self",
                            .primary = rule.span,
                            .help = "name two different ends"});
            continue;
        }
        const std::vector<const Flow*> way = path(graph, from, to, via);
        if (way.empty()) {
            continue;
        }
        holds = false;
        Said said;
        said.message = rule.only
                           ? fmt::format("{}`{}` reaches `{}` past {}, but only through {} is allowed",
                                         image ? "in the image " : "", node_name(model, from), node_name(model, to),
                                         names(model, via), names(model, via))
                           : fmt::format("{}`{}` reaches `{}`, which the policy forbids", image ? "in the image " : "",
                                         node_name(model, from), node_name(model, to));
        said.partitions = {node_name(model, from), node_name(model, to)};
        said.key = rule.only ? "only" : "never";
        said.primary = rule.span;
        said.label = rule.only ? "violated" : "violated by this path";
        said.witness = node_name(model, from);
        for (const Flow* step : way) {
            said.witness += " → " + node_name(model, step->to);
            said.related.push_back({step->span, fmt::format("`{}` flows to `{}` by {}", node_name(model, step->from),
                                                            node_name(model, step->to), step->cause)});
        }
        judge.violated(std::move(said));
    }
    if (!separations.empty()) {
        judge.solver_agrees(holds, [&](unsigned timeout) {
            return smt::separated(image ? "flow.policy: granted flows" : "flow.policy: declared flows", graph.nodes,
                                  edges, separations, timeout);
        });
    }
}

void policy_model(const Context& context, Judge& judge) {
    if (context.model.policy.empty()) {
        judge.not_applicable("no policy is declared");
        return;
    }
    const FlowGraph graph = declared_flows(context.model);
    for (const Flow& flow : graph.flows) {
        judge.rests_on(flow.span);
    }
    check_policy(context, judge, graph, false);
}

void policy_bytes(const Context& context, Judge& judge) {
    if (!context.model.policy.empty()) {
        check_policy(context, judge, granted_flows(context), true);
    }
}

} // namespace

const Property kFlowPolicy{
    .id = "flow.policy",
    .title = "the policy holds over every path",
    .statement =
        "For every `never` there is no path of flows from one end to the other, however long; for every `only … via` "
        "every path passes one of the named. Once over the flows that the model declares, once over those that the "
        "bytes grant. Flows are memory that one side or its devices write and the other reads, doorbells, interrupts "
        "of devices, devices to the outside, the event log, and the fault policy `halt-system`, which everybody sees.",
    .level = Level::bytes,
    .rests_on =
        "that partitions have no other way to each other, which mem.*, io.*, msr.* and dma.* show; timing and cache "
        "channels are outside",
    .manual = "Rushby, Noninterference, Transitivity, and Channel-Control Security Policies, 1992",
    .mend = "take away one flow of the path, or change the rule if the flow is meant",
    .model = policy_model,
    .bytes = policy_bytes,
};

} // namespace septum::verifier
