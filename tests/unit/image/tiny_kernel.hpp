// SPDX-License-Identifier: Apache-2.0
// A Multiboot2 kernel of a few instructions: it writes `tiny kernel\n` to COM1 and ends QEMU by isa-debug-exit.
#pragma once

#include <cstdint>
#include <vector>

namespace septum::build::testing {

inline constexpr const char* kTinyKernelSays = "tiny kernel\n";
inline constexpr int kTinyKernelExit = 33; // isa-debug-exit: value << 1 | 1, of 0x10

[[nodiscard]] std::vector<std::uint8_t> tiny_kernel();

} // namespace septum::build::testing
