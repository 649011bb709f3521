// SPDX-License-Identifier: Apache-2.0
// How the language writes quantities: its units, and a number as a user would write it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace septum::config {

struct Unit {
    std::string_view name;
    std::uint64_t worth; // bytes, or milliseconds
};

// The smallest first.
inline constexpr std::array<Unit, 3> kSizeUnits{{{"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}}};
inline constexpr std::array<Unit, 3> kTimeUnits{{{"ms", 1}, {"s", 1000}, {"min", 60'000}}};

// 4096 → "4 KiB", 0x100001 → "1048577 bytes".
[[nodiscard]] std::string show_size(std::uint64_t bytes);
// 1500 → "1500 ms", 120000 → "2 min".
[[nodiscard]] std::string show_duration(std::uint64_t milliseconds);
// 0xfed90000 → "0xfed9_0000".
[[nodiscard]] std::string show_address(std::uint64_t address);

} // namespace septum::config
