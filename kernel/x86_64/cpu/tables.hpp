// SPDX-License-Identifier: Apache-2.0
// The kernel's own GDT, TSS and IDT (APM 2 §4.7, §4.8).
#pragma once

#include "kernel/percpu.hpp"

namespace septum::kernel::cpu {

inline constexpr u16 kCodeSelector = 0x08;
inline constexpr u32 kVectors = 256;

struct Gate { // 64-bit interrupt gate, figure 4-24
    u64 low;
    u64 high;
};

// The one IDT all CPUs share, and the one that only ends interrupts, while pending ones are swallowed. The boot part fills
// both before any CPU loads them (boot/interrupt_table.cpp).
extern Gate idt[kVectors];
extern Gate ending_idt[kVectors];

// Loads this CPU's GDT and TSS and the shared IDT, and points GS at `cpu`.
void load_tables(PerCpu& cpu);

// Takes an interrupt that is pending at this CPU, if there is one, and only ends it. A guest may have left any vector from
// 16 on, also those that are exceptions elsewhere; and below 16, where an emulated local APIC takes them from the self-IPI
// register. So here all but NMI count as interrupts: nothing between the two loads of the table can raise an exception.
void take_interrupts();

} // namespace septum::kernel::cpu
