// SPDX-License-Identifier: Apache-2.0
// YAML → the devices of a partition.
#pragma once

#include "config/model.hpp"
#include "config/yaml_tree.hpp"

namespace septum::config {

// Reads `devices:` of a partition. Says what names no device of the board, is named twice, or cannot be granted: a
// bridge, a function whose board entry does not state what granting takes, any on a board without an IOMMU.
// Without a board (it was wrong itself) the names alone are kept.
void read_devices(const Node& node, const Board* board, Partition& partition, Diagnostics& diagnostics);

} // namespace septum::config
