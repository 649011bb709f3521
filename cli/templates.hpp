// SPDX-License-Identifier: Apache-2.0
// The files of config/templates/, part of the executable so that an installed septum has them.
#pragma once

#include <string>

namespace septum::cli {

// appliance.yaml with @NAME@ and @BOARD@ filled in.
[[nodiscard]] std::string appliance_template(const std::string& name, const std::string& board);

} // namespace septum::cli
