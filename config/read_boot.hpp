// SPDX-License-Identifier: Apache-2.0
// What a partition boots.
#pragma once

#include "config/model.hpp"
#include "config/yaml_tree.hpp"

#include <optional>

namespace septum::config {

// `{elf: FILE}` or `{linux: {kernel: FILE, initrd: FILE, cmdline: TEXT}}`.
[[nodiscard]] std::optional<Boot> read_boot(const Node& node, Span key, Diagnostics& diagnostics);

} // namespace septum::config
