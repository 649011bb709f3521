// SPDX-License-Identifier: Apache-2.0
// Interrupt gates (APM 2 §4.8.4).
#pragma once

#include "kernel/x86_64/cpu/tables.hpp"

namespace septum::kernel::boot {

// Present, DPL 0, 64-bit interrupt gate. `stack`: number of the interrupt stack, 0: the one in use. Pure.
constexpr cpu::Gate gate(u64 entry, u64 selector, u64 stack) {
    return {(entry & 0xFFFF) | selector << 16 | stack << 32 | 0x8EULL << 40 | (entry >> 16 & 0xFFFF) << 48, entry >> 32};
}

} // namespace septum::kernel::boot
