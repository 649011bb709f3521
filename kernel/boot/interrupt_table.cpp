// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/interrupt_table.hpp"

#include "kernel/boot/gate.hpp"

extern "C" {
extern const char exception_entries[];
extern const char nmi_entry[];
extern const char end_interrupt_x2apic[];
extern const char end_interrupt_xapic[];
}

namespace septum::kernel::boot {

namespace {

constexpr u32 kEntrySize = 16; // of exception_entries
constexpr u32 kDoubleFault = 8;
constexpr u32 kNmi = 2;
constexpr u32 kMachineCheck = 18;

cpu::Gate resident_gate(const char* entry, u64 stack) {
    return gate(reinterpret_cast<u64>(entry), cpu::kCodeSelector, stack);
}

} // namespace

void fill_idt(manifest::ApicMode mode) {
    const char* end = mode == manifest::ApicMode::x2apic ? end_interrupt_x2apic : end_interrupt_xapic;
    for (u32 vector = 0; vector < cpu::kVectors; vector++) {
        if (vector >= 32) {
            cpu::idt[vector] = resident_gate(end, 0);
        } else if (vector == kNmi) {
            cpu::idt[vector] = resident_gate(nmi_entry, 1);
        } else {
            const bool own_stack = vector == kDoubleFault || vector == kMachineCheck;
            cpu::idt[vector] = resident_gate(exception_entries + vector * kEntrySize, own_stack ? 1 : 0);
        }
        cpu::ending_idt[vector] = vector == kNmi ? cpu::idt[vector] : resident_gate(end, 0);
    }
}

} // namespace septum::kernel::boot
