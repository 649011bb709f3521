// SPDX-License-Identifier: Apache-2.0
// Which board CPU belongs to which partition.
#pragma once

#include "config/model.hpp"

#include <cstdint>
#include <vector>

namespace septum::build {

// For each partition of the model, its board CPUs, the boot CPU first. Pinned partitions get what they ask for; the
// others take free CPUs in board order, in name order, never one whose SMT sibling belongs to someone else. Adds a
// diagnostic for each pin that cannot be and each partition that comes too late; then the result is incomplete.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> assign_cpus(const config::Model& model,
                                                                  std::vector<config::Diagnostic>& diagnostics);

} // namespace septum::build
