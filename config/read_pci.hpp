// SPDX-License-Identifier: Apache-2.0
// YAML → the board's PCI functions. The keys are described in config/README.md.
#pragma once

#include "config/board.hpp"
#include "config/yaml_tree.hpp"

namespace septum::config {

// Reads `pci:` into `board.pci`, sorted by bdf. What is missing or wrong is said and left at its default.
void read_pci(const Node& mapping, Board& board, Diagnostics& diagnostics);

} // namespace septum::config
