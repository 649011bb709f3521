// SPDX-License-Identifier: Apache-2.0
// FAT file systems, made by mtools: no mounting, no privileges, nothing of the time of day.
#pragma once

#include "build/image/scratch.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace septum::build {

struct FatOptions {
    std::uint64_t sectors = 0;    // of 512 bytes; a multiple of 32
    std::uint64_t first = 0;      // where on its disk it begins, in sectors
    unsigned cluster_sectors = 0; // FAT32 with so many sectors in a cluster; 0: small, whatever mtools finds best
    std::uint32_t serial = 0;     // of the volume
    std::string label;
    std::vector<std::string> folders;                                 // made in this order: "EFI", "EFI/BOOT"
    std::vector<std::pair<std::string, std::filesystem::path>> files; // where, and what to copy there, in this order
};

// Writes the file system to `file`, anew. Errors: `build.tool-missing` names mtools; `build.tool-failed`.
[[nodiscard]] std::vector<config::Diagnostic> make_fat(const std::filesystem::path& file, const FatOptions& options,
                                                       const Scratch& scratch);

} // namespace septum::build
