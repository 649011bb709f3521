// SPDX-License-Identifier: Apache-2.0
// What each partition sees of the memory that was placed.
#pragma once

#include "build/plan/plan.hpp"

#include <vector>

namespace septum::build {

// RAM as a guest sees it: up to 3 GiB from 0 on, the rest from 4 GiB on; one stretch of host memory.
void add_ram_regions(PlannedPartition& partition);

// Whoever may read the event log sees it; only the kernel writes it.
void add_event_log(Plan& plan, const config::Model& model);

// Guest-physical places and vectors of the channels, counted per partition in manifest order.
void join_channels(Plan& plan, const config::Model& model, std::vector<config::Diagnostic>& diagnostics);

} // namespace septum::build
