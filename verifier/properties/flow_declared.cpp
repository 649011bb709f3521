// SPDX-License-Identifier: Apache-2.0
// flow.declared: the bytes grant exactly the declared flows.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/flow_graph.hpp"
#include "verifier/properties/shared/judge.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void declared_bytes(const Context& context, Judge& judge) {
    const config::Model& model = context.model;
    const FlowGraph declared = declared_flows(model);
    const FlowGraph granted = granted_flows(context);
    const auto key = [&](const Flow& flow) { return static_cast<std::uint64_t>(flow.from) * granted.nodes + flow.to; };
    Pieces left;
    Pieces right;
    for (const Flow& flow : granted.flows) {
        left.push_back({key(flow), key(flow) + 1, 0});
    }
    for (const Flow& flow : declared.flows) {
        judge.rests_on(flow.span);
        right.push_back({key(flow), key(flow) + 1, 0});
    }
    left = united(std::move(left), 1);
    right = united(std::move(right), 1);
    const std::vector<Difference> found = differences(left, right);
    for (const Difference& difference : found) {
        for (std::uint64_t at = difference.first; at < difference.end; ++at) {
            const auto from = static_cast<std::uint32_t>(at / granted.nodes);
            const auto to = static_cast<std::uint32_t>(at % granted.nodes);
            const bool extra = difference.right == kAbsent;
            const FlowGraph& graph = extra ? granted : declared;
            const auto flow = std::find_if(graph.flows.begin(), graph.flows.end(),
                                           [&](const Flow& f) { return f.from == from && f.to == to; });
            Said said;
            said.message = extra ? fmt::format("in the image `{}` flows to `{}` by {}, which nothing declares",
                                               node_name(model, from), node_name(model, to), flow->cause)
                                 : fmt::format("`{}` flows to `{}` by {}, but the image has no such flow",
                                               node_name(model, from), node_name(model, to), flow->cause);
            said.partitions = {node_name(model, from), node_name(model, to)};
            said.key = extra ? "extra" : "lacking";
            said.witness = node_name(model, from) + " → " + node_name(model, to);
            said.primary = flow->span;
            judge.violated(std::move(said));
        }
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("flow.declared", left, right, false, timeout);
    });
}

} // namespace

const Property kFlowDeclared{
    .id = "flow.declared",
    .title = "the bytes grant exactly the declared flows",
    .statement =
        "One partition can write memory that another can read, ring its doorbell, or halt the machine, exactly when a "
        "channel or a fault policy of the model says so.",
    .level = Level::bytes,
    .rests_on =
        "the nested page tables and the manifest in the image, as decoded; consoles are the kernel's and flow to no "
        "partition",
    .manual = "AMD APM volume 2 §15.25",
    .mend = "declare a channel between them, or build the image anew",
    .bytes = declared_bytes,
};

} // namespace septum::verifier
