// SPDX-License-Identifier: Apache-2.0
// One way to write a YAML file of ours: `septum fmt`.
#pragma once

#include "config/source.hpp"

namespace septum::config {

// The text of file 0 of `sources` with its indentation, spaces and blank lines in order and everything else as it was:
// comments, the order of keys, how scalars are written. Formatting it again changes nothing. Errors: the text is not
// YAML as we read it.
[[nodiscard]] Outcome<std::string> format_yaml(const Sources& sources);

} // namespace septum::config
