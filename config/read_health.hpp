// SPDX-License-Identifier: Apache-2.0
// What becomes of a partition that fails, how it shows that it is alive, and the board's clock that watches it.
#pragma once

#include "config/model.hpp"
#include "config/yaml_tree.hpp"

namespace septum::config {

// `stop`, `restart`, `halt-system`, or `{action: …, attempts: N, backoff: TIME, CAUSE: …}`.
[[nodiscard]] OnFault read_on_fault(const Node& node, Span key, Diagnostics& diagnostics);
// `heartbeat` of a partition, and whether its board can watch it. `board` is null when it could not be read.
void read_heartbeat(const Node& node, const Board* board, Partition& partition, Diagnostics& diagnostics);
// An answer to a missing heartbeat of a partition that promises none.
void check_watchdog_answer(const Node& on_fault, const Partition& partition, Diagnostics& diagnostics);
// `legacy`: `[pit]`. After `ports`, which may not grant the host's own.
void read_legacy(const Node& node, Partition& partition, Diagnostics& diagnostics);
// `watchdog` of a board: `{hpet: ADDRESS, comparator: N, requester: ID}`.
void read_watchdog(const Node& node, Span at, Board& board, Diagnostics& diagnostics);

} // namespace septum::config
