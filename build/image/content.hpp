// SPDX-License-Identifier: Apache-2.0
// What an image is made of, as one number: everything in it that looks random or like a date is chosen by this, so
// that two appliances are told apart and two builds of one are the same.
#pragma once

#include "config/source.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace septum::build {

using ContentDigest = std::array<std::uint8_t, 32>;

// SHA-256 of all parts, each preceded by its length in eight bytes, little-endian. Error: `build.digest`, when openssl
// has no SHA-256.
[[nodiscard]] config::Outcome<ContentDigest> content_digest(const std::vector<std::span<const std::uint8_t>>& parts);

[[nodiscard]] std::span<const std::uint8_t> bytes_of(std::string_view text);

} // namespace septum::build
