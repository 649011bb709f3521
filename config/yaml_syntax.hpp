// SPDX-License-Identifier: Apache-2.0
// What yaml-cpp's terse messages mean to somebody who wrote the file.
#pragma once

#include <string_view>

namespace septum::config {

struct SyntaxWords {
    std::string_view message; // empty: yaml-cpp's own words are as good
    std::string_view help;
};
[[nodiscard]] SyntaxWords explain_syntax(std::string_view yaml_cpp_message);

} // namespace septum::config
