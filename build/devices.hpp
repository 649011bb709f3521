// SPDX-License-Identifier: Apache-2.0
// The manifest's records of devices, BARs, configuration space and bridges.
#pragma once

#include "build/plan/plan.hpp"
#include "build/tables/manifest_writer.hpp"
#include "config/board.hpp"

#include <vector>

namespace septum::build {

// Adds all of them. `interrupt_tables`: AMD-Vi, where each device's own lies, in the plan's order.
void gather_devices(const Plan& plan, const config::Board& board, const std::vector<Hpa>& interrupt_tables,
                    ManifestParts& parts);

// Those of partition `p`: its virtual host bridge, then the functions it owns; empty when it has no bus.
[[nodiscard]] manifest::Slice device_slice(const Plan& plan, std::size_t p);

} // namespace septum::build
