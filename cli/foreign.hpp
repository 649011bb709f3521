// SPDX-License-Identifier: Apache-2.0
// Files that people take for an appliance or an image and that are something else.
#pragma once

#include <filesystem>
#include <string>

namespace septum::cli {

// "is packed by gzip", and what to do; two empty texts when septum knows no such thing of the file.
struct Foreign {
    std::string is;
    std::string help;
};
// By its first bytes.
[[nodiscard]] Foreign foreign_kind(const std::filesystem::path& file);

} // namespace septum::cli
