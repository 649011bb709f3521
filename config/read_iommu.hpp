// SPDX-License-Identifier: Apache-2.0
// YAML → the board's IOMMU. The keys are described in config/README.md.
#pragma once

#include "config/board.hpp"
#include "config/yaml_tree.hpp"

namespace septum::config {

// Reads `iommu:` into `board.iommu`; `board.pci` was read before, because the unit names functions. `at` is where
// missing keys are reported.
void read_iommu(const Node& node, Span at, Board& board, Diagnostics& diagnostics);

} // namespace septum::config
