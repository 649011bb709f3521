// SPDX-License-Identifier: Apache-2.0
// How findings speak of addresses, sizes and names.
#pragma once

#include "verifier/properties/shared/declared.hpp"

#include <string>

namespace septum::verifier {

[[nodiscard]] std::string address(std::uint64_t value);                        // 0x40200000
[[nodiscard]] std::string range(std::uint64_t first, std::uint64_t end);       // 0x40200000..0x40400000
[[nodiscard]] std::string bytes_text(std::uint64_t size);                      // 2 MiB, 64 KiB, 17 bytes
[[nodiscard]] std::string access_text(std::uint8_t access);                    // rwx, rw-, r--
[[nodiscard]] std::string ports_text(std::uint32_t first, std::uint32_t last); // 0x3f8, or 0x3f8..0x3ff (inclusive)
[[nodiscard]] std::string port_words(std::uint32_t first, std::uint32_t last); // port 0x3f8, or ports 0x3f8..0x3ff
[[nodiscard]] std::string requester_text(std::uint32_t id);                    // 00:1f.2
[[nodiscard]] std::string ticked(const std::string& name);                     // `name`

// The name of a partition or channel of the model, in ticks.
[[nodiscard]] std::string partition_name(const config::Model& model, std::uint32_t index);
// What a grant is: "the RAM of `vault`", "channel `request` of `vault`".
[[nodiscard]] std::string grant_text(const config::Model& model, std::uint32_t partition, const Grant& grant);

} // namespace septum::verifier
