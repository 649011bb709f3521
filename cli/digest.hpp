// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace septum::cli {

// SHA-256 in hexadecimal, as sha256sum prints it.
[[nodiscard]] std::string sha256(std::span<const std::uint8_t> bytes);

} // namespace septum::cli
