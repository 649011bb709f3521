// SPDX-License-Identifier: Apache-2.0
// One entry of `partitions:`.
#pragma once

#include "config/model.hpp"
#include "config/names.hpp"

namespace septum::config {

// What is missing or wrong is said and left at its default. `board` is nullptr when the board could not be read; then
// what refers to it goes unchecked.
[[nodiscard]] Partition read_partition(const NamedEntry& entry, const Board* board, Diagnostics& diagnostics);

// What only shows over all partitions: CPUs pinned twice, and more of them than the board has.
void check_cpus(const std::vector<Partition>& partitions, const Board& board, Diagnostics& diagnostics);

} // namespace septum::config
