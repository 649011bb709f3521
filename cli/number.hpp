// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace septum::cli {

// "0x4020_0000", "1048576": hexadecimal or decimal, single underscores between digits. Nothing when it is no such
// number or above 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_number(const std::string& word);

} // namespace septum::cli
