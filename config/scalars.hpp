// SPDX-License-Identifier: Apache-2.0
// The scalars of the language. Each reader returns the value, or says what is wrong with `node`, the value of `key`.
#pragma once

#include "config/yaml_tree.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace septum::config {

inline constexpr std::uint64_t kAddressLimit = 1ULL << 52; // physical addresses are at most 52 bits (APM 2 §5.1)
inline constexpr std::size_t kLongestName = 31;            // the manifest has 32 bytes, the last of them zero

// `true` or `false`.
[[nodiscard]] std::optional<bool> read_bool(const Node& node, std::string_view key, Diagnostics& diagnostics);
// Decimal or 0x hexadecimal, underscores between digits, within [low, high].
[[nodiscard]] std::optional<std::uint64_t> read_integer(const Node& node, std::string_view key, std::uint64_t low,
                                                        std::uint64_t high, Diagnostics& diagnostics);
// Bytes below kAddressLimit, written with a unit: KiB, MiB or GiB.
[[nodiscard]] std::optional<std::uint64_t> read_size(const Node& node, std::string_view key, Diagnostics& diagnostics);
// Bytes below kAddressLimit, in hexadecimal or with a unit.
[[nodiscard]] std::optional<std::uint64_t> read_address(const Node& node, std::string_view key,
                                                        Diagnostics& diagnostics);
// The same, and a multiple of 4 KiB.
[[nodiscard]] std::optional<std::uint64_t> read_page_address(const Node& node, std::string_view key,
                                                             Diagnostics& diagnostics);

// Milliseconds within [low, high], written with a unit: ms, s or min.
[[nodiscard]] std::optional<std::uint32_t> read_duration(const Node& node, std::string_view key, std::uint32_t low,
                                                         std::uint32_t high, Diagnostics& diagnostics);

struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0; // inclusive
};
// `0x2f8` or `0x2f8-0x2ff`.
[[nodiscard]] std::optional<PortRange> read_ports(const Node& node, std::string_view key, Diagnostics& diagnostics);

// Any text but the empty one.
[[nodiscard]] std::optional<std::string> read_text(const Node& node, std::string_view key, std::string_view expected,
                                                   Diagnostics& diagnostics);
// Printable ASCII, possibly empty, at most `longest` bytes.
[[nodiscard]] std::optional<std::string> read_ascii(const Node& node, std::string_view key, std::size_t longest,
                                                    Diagnostics& diagnostics);

} // namespace septum::config
