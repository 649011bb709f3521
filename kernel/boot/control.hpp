// SPDX-License-Identifier: Apache-2.0
// Control registers that have their lasting value from boot on.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::boot {

inline u64 read_cr0() {
    u64 value;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}
inline void write_cr0(u64 value) { asm volatile("mov %0, %%cr0" : : "r"(value) : "memory"); }
inline void write_cr4(u64 value) { asm volatile("mov %0, %%cr4" : : "r"(value) : "memory"); }

} // namespace septum::kernel::boot
