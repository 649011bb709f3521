// SPDX-License-Identifier: Apache-2.0
// Control registers, descriptor tables, barriers and the instructions that make a CPU wait.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::hw {

struct [[gnu::packed]] TableRegister {
    u16 limit;
    u64 base;
};

inline u64 read_cr2() {
    u64 value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}
inline u64 read_cr3() {
    u64 value;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}
inline void write_cr3(u64 value) { asm volatile("mov %0, %%cr3" : : "r"(value) : "memory"); }

inline void load_gdt(const TableRegister& table) { asm volatile("lgdt %0" : : "m"(table) : "memory"); }
inline void load_idt(const TableRegister& table) { asm volatile("lidt %0" : : "m"(table) : "memory"); }
inline void load_task(u16 selector) { asm volatile("ltr %0" : : "r"(selector) : "memory"); }

// XCR0 (APM 2 §11.5.2); CR4.OSXSAVE must be set.
inline void write_xcr0(u64 value) {
    asm volatile("xsetbv" : : "c"(0), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)));
}

inline void pause() { asm volatile("pause" ::: "memory"); }

[[noreturn]] inline void halt_forever() {
    for (;;) {
        asm volatile("cli; hlt" ::: "memory");
    }
}

} // namespace septum::kernel::hw
