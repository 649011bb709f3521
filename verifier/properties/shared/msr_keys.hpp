// SPDX-License-Identifier: Apache-2.0
// MSRs of all partitions in one key.
#pragma once

#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

// One key for all partitions: its number, read or write, the MSR.
inline constexpr unsigned kMsrBits = 32;
inline constexpr unsigned kPartitionShift = kMsrBits + 1;

[[nodiscard]] std::uint64_t msr_key(std::uint64_t partition, bool write, std::uint64_t msr);

// 0x10, or 0x10..0x1f (inclusive).
[[nodiscard]] std::string msr_text(std::uint64_t first, std::uint64_t last);

} // namespace septum::verifier
