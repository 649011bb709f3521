// SPDX-License-Identifier: Apache-2.0
// What the manifest has no room for, or the kernel no means.
#pragma once

#include "config/model.hpp"

#include <vector>

namespace septum::build {

void check_limits(const config::Model& model, std::vector<config::Diagnostic>& diagnostics);

} // namespace septum::build
