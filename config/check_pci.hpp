// SPDX-License-Identifier: Apache-2.0
// Whether what a board file says of its PCI functions can be true of one machine.
#pragma once

#include "config/board.hpp"
#include "config/diagnostics.hpp"

namespace septum::config {

// After everything else of the board was read. Says: capabilities, BARs, bridge windows and buses that collide with
// each other, with RAM or with registers; BARs that their bridges do not forward; a bus reset without a bridge.
void check_pci(const Board& board, Diagnostics& diagnostics);

} // namespace septum::config
