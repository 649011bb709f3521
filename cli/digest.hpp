// SPDX-License-Identifier: Apache-2.0
// SHA-256 in hexadecimal, as sha256sum prints it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace septum::cli {

[[nodiscard]] std::string hexadecimal(std::span<const std::uint8_t> bytes);

[[nodiscard]] std::string sha256(std::span<const std::uint8_t> bytes);
// Of a file, read piece by piece; empty when it cannot be read.
[[nodiscard]] std::string sha256_of_file(const std::filesystem::path& file);

} // namespace septum::cli
