// SPDX-License-Identifier: Apache-2.0
#include "kernel/x86_64/cpu/tables.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/msr.hpp"

extern "C" {
extern const char exception_entries[];
extern const char nmi_entry[];
extern const char end_interrupt_x2apic[];
extern const char end_interrupt_xapic[];
}

namespace septum::kernel::cpu {

namespace {

constexpr u16 kCodeSelector = 0x08;
constexpr u16 kDataSelector = 0x10;
constexpr u16 kTaskSelector = 0x18;
constexpr u64 kCode64 = 0x0020'9B00'0000'0000; // present, code, long (APM 2 §4.8.1); accessed, so loading writes nothing
constexpr u64 kData = 0x0000'9300'0000'0000;   // present, writable data

constexpr u32 kVectors = 256;
constexpr u32 kEntrySize = 16;
constexpr u32 kDoubleFault = 8;
constexpr u32 kNmi = 2;
constexpr u32 kMachineCheck = 18;

struct Gate { // 64-bit interrupt gate, figure 4-24
    u64 low;
    u64 high;
};
constinit Gate idt[kVectors] = {};
constinit Gate ending_idt[kVectors] = {}; // while pending interrupts are swallowed

Gate gate(const char* entry, u64 stack) {
    const u64 address = reinterpret_cast<u64>(entry);
    return {(address & 0xFFFF) | u64{kCodeSelector} << 16 | stack << 32 | 0x8EULL << 40 | (address >> 16 & 0xFFFF) << 48,
            address >> 32};
}

} // namespace

void fill_idt(manifest::ApicMode mode) {
    const char* end = mode == manifest::ApicMode::x2apic ? end_interrupt_x2apic : end_interrupt_xapic;
    for (u32 vector = 0; vector < kVectors; vector++) {
        if (vector >= 32) {
            idt[vector] = gate(end, 0);
        } else if (vector == kNmi) {
            idt[vector] = gate(nmi_entry, 1);
        } else {
            const bool own_stack = vector == kDoubleFault || vector == kMachineCheck;
            idt[vector] = gate(exception_entries + vector * kEntrySize, own_stack ? 1 : 0);
        }
        ending_idt[vector] = vector == kNmi ? idt[vector] : gate(end, 0);
    }
}

void take_interrupts() {
    hw::load_idt({sizeof(ending_idt) - 1, reinterpret_cast<u64>(ending_idt)});
    // GIF and IF are open for one instruction, the second NOP: STI holds interrupts off for the first.
    asm volatile("stgi; sti; nop; nop; cli; clgi" ::: "memory");
    hw::load_idt({sizeof(idt) - 1, reinterpret_cast<u64>(idt)});
}

void load_tables(PerCpu& cpu) {
    const u64 block = cpu.cpu->block.value;
    cpu.task = {};
    cpu.task.ist[0] = block + layout::CpuBlock::kFaultStackTop;
    cpu.task.io_map = sizeof(TaskState);
    const u64 task = reinterpret_cast<u64>(&cpu.task);
    cpu.gdt[0] = 0;
    cpu.gdt[1] = kCode64;
    cpu.gdt[2] = kData;
    cpu.gdt[3] = (sizeof(TaskState) - 1) | (task & 0xFF'FFFF) << 16 | 0x89ULL << 40 | (task >> 24 & 0xFF) << 56;
    cpu.gdt[4] = task >> 32;
    hw::load_gdt({sizeof(cpu.gdt) - 1, reinterpret_cast<u64>(cpu.gdt)});
    asm volatile("pushq %0\n\t"
                 "lea 1f(%%rip), %%rax\n\t"
                 "push %%rax\n\t"
                 "lretq\n"
                 "1:\n\t"
                 "mov %1, %%ds\n\t"
                 "mov %1, %%es\n\t"
                 "mov %1, %%ss\n\t"
                 "mov %2, %%fs\n\t"
                 "mov %2, %%gs"
                 :
                 : "i"(kCodeSelector), "r"(kDataSelector), "r"(0)
                 : "rax", "memory");
    hw::load_idt({sizeof(idt) - 1, reinterpret_cast<u64>(idt)});
    hw::load_task(kTaskSelector);
    hw::write_msr(hw::kMsrGsBase, reinterpret_cast<u64>(&cpu));
}

} // namespace septum::kernel::cpu
