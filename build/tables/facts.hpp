// SPDX-License-Identifier: Apache-2.0
// The board contract: what the kernel checks on the machine before it launches anything.
#pragma once

#include "build/plan/plan.hpp"
#include "config/board.hpp"

#include <septum/manifest/manifest.hpp>

#include <vector>

namespace septum::build {

// `huge_pages` says whether the sealed tables use 1 GiB pages.
[[nodiscard]] std::vector<manifest::Fact> board_facts(const Plan& plan, const config::Board& board, bool huge_pages);

} // namespace septum::build
