// SPDX-License-Identifier: Apache-2.0
// The files of config/templates/, part of the executable so that an installed septum has them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace septum::cli {

[[nodiscard]] std::vector<std::string_view> template_names(); // the first is the usual one
// The one of this name, with @NAME@ and @BOARD@ filled in; empty when there is none. `schema` is for editors; empty
// when it is nowhere.
[[nodiscard]] std::string appliance_template(std::string_view which, const std::string& name, const std::string& board,
                                             const std::filesystem::path& schema);

} // namespace septum::cli
