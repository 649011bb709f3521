// SPDX-License-Identifier: Apache-2.0
// Just enough AML (ACPI 6.4 chapter 20) to describe a machine that has almost nothing.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace septum::build::aml {

using Code = std::vector<std::uint8_t>;

// `name` is four characters (§20.2.2).
[[nodiscard]] Code name(std::string_view name, const Code& value);     // DefName
[[nodiscard]] Code scope_sb(const Code& body);                         // Scope(\_SB)
[[nodiscard]] Code device(std::string_view name, const Code& body);    // DefDevice
[[nodiscard]] Code package(const std::vector<std::uint8_t>& elements); // of integers
[[nodiscard]] Code buffer(const Code& bytes);
[[nodiscard]] Code byte(std::uint8_t value);
[[nodiscard]] Code dword(std::uint32_t value);

} // namespace septum::build::aml
