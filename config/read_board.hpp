// SPDX-License-Identifier: Apache-2.0
// YAML → Board. The keys are described in config/README.md.
#pragma once

#include "config/board.hpp"
#include "config/yaml_tree.hpp"

namespace septum::config {

inline constexpr std::size_t kMostCpus = 64;

// `at` is where missing keys are reported: the `board:` key of an appliance, or the start of a board file. What is
// missing or wrong is said and left at its default.
[[nodiscard]] Board read_board(const Node& node, Span at, Diagnostics& diagnostics);

} // namespace septum::config
