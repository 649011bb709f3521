// SPDX-License-Identifier: Apache-2.0
// Who flows to whom, for people: as an appliance file declares it, and as an image's bytes grant it.
#pragma once

#include "config/model.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace septum::verifier {

struct FlowNode {
    std::string name;
    bool external = false; // someone outside the machine
};

struct FlowEdge {
    std::uint32_t from = 0; // index into FlowView::nodes
    std::uint32_t to = 0;
    std::string cause; // "channel `request`"
    config::Span span; // unknown for images
};

struct FlowView {
    std::vector<FlowNode> nodes; // partitions, then externals
    std::vector<FlowEdge> edges; // sorted by from, to, cause; each once

    // Every node that what is in `from` can get to, over any number of edges; sorted, without `from` itself.
    [[nodiscard]] std::vector<std::uint32_t> reachable(std::uint32_t from) const;
    // The same for every node; near-linear in nodes plus edges, for each node.
    [[nodiscard]] std::vector<std::vector<std::uint32_t>> all_reachable() const;
    // The nodes of one shortest way, both ends included; empty when there is none.
    [[nodiscard]] std::vector<std::uint32_t> way(std::uint32_t from, std::uint32_t to) const;
};

[[nodiscard]] FlowView declared_flow(const config::Model& model);
// What one partition writes and another reads is called by the channel that the image names there. Errors as of
// reading an image.
[[nodiscard]] config::Outcome<FlowView> image_flow(std::span<const std::uint8_t> image);

} // namespace septum::verifier
