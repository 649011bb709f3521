// SPDX-License-Identifier: Apache-2.0
#include "verifier/flow.hpp"

#include "verifier/alone/found_model.hpp"
#include "verifier/properties/shared/flow_graph.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>
#include <tuple>

namespace septum::verifier {

namespace {

constexpr std::uint32_t kNone = ~0U;

FlowView view(const config::Model& model, const FlowGraph& graph) {
    FlowView out;
    for (std::uint32_t node = 0; node < graph.nodes; ++node) {
        out.nodes.push_back({node_name(model, node), node >= model.partitions.size()});
    }
    for (const Flow& flow : graph.flows) {
        out.edges.push_back({flow.from, flow.to, flow.cause, flow.span});
    }
    const auto key = [](const FlowEdge& e) { return std::tie(e.from, e.to, e.cause); };
    std::sort(out.edges.begin(), out.edges.end(),
              [&](const FlowEdge& a, const FlowEdge& b) { return key(a) < key(b); });
    out.edges.erase(std::unique(out.edges.begin(), out.edges.end(),
                                [&](const FlowEdge& a, const FlowEdge& b) { return key(a) == key(b); }),
                    out.edges.end());
    return out;
}

using Next = std::vector<std::vector<std::uint32_t>>;

Next next_of(const FlowView& flow) {
    Next next(flow.nodes.size());
    for (const FlowEdge& edge : flow.edges) {
        if (next[edge.from].empty() ||
            next[edge.from].back() != edge.to) { // sorted, and of several causes one is enough
            next[edge.from].push_back(edge.to);
        }
    }
    return next;
}

// By whom each node was reached first; kNone for those that were not.
std::vector<std::uint32_t> search(const Next& next, std::uint32_t from) {
    std::vector<std::uint32_t> by(next.size(), kNone);
    std::vector<std::uint32_t> waiting{from};
    for (std::size_t at = 0; at < waiting.size(); ++at) {
        for (const std::uint32_t to : next[waiting[at]]) {
            if (to != from && by[to] == kNone) {
                by[to] = waiting[at];
                waiting.push_back(to);
            }
        }
    }
    return by;
}

std::vector<std::uint32_t> reached(const std::vector<std::uint32_t>& by) {
    std::vector<std::uint32_t> out;
    for (std::uint32_t node = 0; node < by.size(); ++node) {
        if (by[node] != kNone) {
            out.push_back(node);
        }
    }
    return out;
}

} // namespace

std::vector<std::uint32_t> FlowView::reachable(std::uint32_t from) const {
    return reached(search(next_of(*this), from));
}

std::vector<std::vector<std::uint32_t>> FlowView::all_reachable() const {
    const Next next = next_of(*this);
    std::vector<std::vector<std::uint32_t>> out;
    out.reserve(nodes.size());
    for (std::uint32_t from = 0; from < nodes.size(); ++from) {
        out.push_back(reached(search(next, from)));
    }
    return out;
}

std::vector<std::uint32_t> FlowView::way(std::uint32_t from, std::uint32_t to) const {
    const std::vector<std::uint32_t> by = search(next_of(*this), from);
    std::vector<std::uint32_t> out;
    if (by[to] == kNone) {
        return out;
    }
    for (std::uint32_t node = to; node != from; node = by[node]) {
        out.push_back(node);
    }
    out.push_back(from);
    std::reverse(out.begin(), out.end());
    return out;
}

FlowView declared_flow(const config::Model& model) {
    return view(model, declared_flows(model));
}

config::Outcome<FlowView> image_flow(std::span<const std::uint8_t> image) {
    config::Outcome<FlowView> outcome;
    auto read = read_image(image);
    if (!read.ok()) {
        outcome.diagnostics = std::move(read.diagnostics);
        return outcome;
    }
    const Facts& facts = *read.value;
    const config::Model model = found_model(facts);
    const Declared declared = declare(model);
    const Places places = locate(model, declared, facts);
    const Options options;
    const Context context{model, declared, &facts, &places, options};
    FlowGraph graph = granted_flows(context);
    // One flow by shared memory is told per pair: name each channel that is between the two, when there is one.
    std::vector<Flow> named;
    for (const Flow& flow : graph.flows) {
        bool found = false;
        for (const config::Channel& channel : model.channels) {
            if (flow.cause.starts_with("shared memory") && channel.from.value == flow.from &&
                channel.to.value == flow.to) {
                named.push_back({flow.from, flow.to, "channel " + ticked(channel.name.value), {}});
                found = true;
            }
        }
        if (!found) {
            named.push_back(flow);
        }
    }
    graph.flows = std::move(named);
    outcome.value = view(model, graph);
    return outcome;
}

} // namespace septum::verifier
