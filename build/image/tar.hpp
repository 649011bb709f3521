// SPDX-License-Identifier: Apache-2.0
// ustar archives (POSIX.1-2017, pax "ustar Interchange Format"): plain files of nobody, on one day.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace septum::build {

struct TarEntry {
    std::string name; // at most 99 bytes
    std::span<const std::uint8_t> bytes;
};

// In the order given.
[[nodiscard]] std::vector<std::uint8_t> make_tar(const std::vector<TarEntry>& files);

} // namespace septum::build
