// SPDX-License-Identifier: Apache-2.0
// Fragments that several appliances share: `include: [guests.yaml]`.
#pragma once

#include "config/model.hpp"
#include "config/yaml_tree.hpp"

namespace septum::config {

inline constexpr std::size_t kMostFragments = 64;

// Adds to `root`, the appliance's mapping, what the files that it includes say, as if it stood there; every node keeps
// its place in its own file. `path` is the appliance's own file. What is wrong is said.
void expand_includes(Node& root, const std::filesystem::path& path, const std::filesystem::path& directory,
                     Sources& sources, Diagnostics& diagnostics);

} // namespace septum::config
