// SPDX-License-Identifier: Apache-2.0
// Nested page tables (APM 2 §15.25): what of host memory a partition reaches.
#pragma once

#include "build/plan/plan.hpp"
#include "build/tables/page_tables.hpp"

#include <vector>

namespace septum::build {

// The partition's regions as mappings, sorted by guest-physical address.
[[nodiscard]] std::vector<Mapping> nested_mappings(const PlannedPartition& partition);

// The largest page allowed by the partition and offered by the board.
[[nodiscard]] PageTableShape nested_shape(const config::Partition& partition, const config::Board& board);

} // namespace septum::build
