// SPDX-License-Identifier: Apache-2.0
// Who flows to whom: once from the model, once from what the bytes grant.
#pragma once

#include "verifier/properties/property.hpp"

#include <string>
#include <vector>

namespace septum::verifier {

// Nodes: the model's partitions, then its externals.
struct Flow {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::string cause; // "channel `request`"
    config::Span span;
    friend bool operator==(const Flow&, const Flow&) = default;
};

struct FlowGraph {
    std::uint32_t nodes = 0;
    std::vector<Flow> flows;
};

[[nodiscard]] std::string node_name(const config::Model& model, std::uint32_t node);
[[nodiscard]] std::uint32_t node_of(const config::Model& model, const config::FlowEnd& end);

[[nodiscard]] FlowGraph declared_flows(const config::Model& model);
// Shared memory one side may write and the other read, itself or by DMA of its devices, doorbells, interrupts of
// devices, the event log and fault policy, all as found in the image. What goes through devices to the outside is the
// model's, since no byte of an image tells it.
[[nodiscard]] FlowGraph granted_flows(const Context& context);

// The flows of one shortest path, first to last; empty when there is none or `from` is `to`. Nodes in `without` are
// not passed.
[[nodiscard]] std::vector<const Flow*> path(const FlowGraph& graph, std::uint32_t from, std::uint32_t to,
                                            const std::vector<std::uint32_t>& without);

} // namespace septum::verifier
