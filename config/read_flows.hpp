// SPDX-License-Identifier: Apache-2.0
// Who may talk to whom: `channels:`, `external:` and `policy:`. Each needs what stands before it in the model.
#pragma once

#include "config/model.hpp"
#include "config/yaml_tree.hpp"

namespace septum::config {

// Into model.channels; needs model.partitions.
void read_channels(const Node& node, Model& model, Diagnostics& diagnostics);
// Into model.externals; needs model.partitions and, unless nullptr, the board.
void read_externals(const Node& node, const Board* board, Model& model, Diagnostics& diagnostics);
// Into model.policy; needs model.partitions and model.externals.
void read_policy(const Node& node, const Model& model, std::vector<FlowRule>& policy, Diagnostics& diagnostics);

} // namespace septum::config
