// SPDX-License-Identifier: Apache-2.0
// The plan as people read it.
#pragma once

#include "build/plan/plan.hpp"

#include <string>

namespace septum::cli {

// Two tables: what lies where in host-physical memory and who sees it at which address; which CPU is whose.
[[nodiscard]] std::string memory_map(const build::Plan& plan, bool color);

} // namespace septum::cli
