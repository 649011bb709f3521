// SPDX-License-Identifier: Apache-2.0
// The timer that wakes the kernel to look for missing heartbeats.
#pragma once

#include "build/plan/plan.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::build {

// All zeros when nobody promises a heartbeat. The timer rings four times in the shortest promise, from once a
// millisecond to once a second.
[[nodiscard]] manifest::Watchdog watchdog_record(const Plan& plan, const config::Model& model);

} // namespace septum::build
