// SPDX-License-Identifier: Apache-2.0
#include "kernel/x86_64/cpu/tables.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/msr.hpp"

namespace septum::kernel::cpu {

namespace {

constexpr u16 kDataSelector = 0x10;
constexpr u16 kTaskSelector = 0x18;
constexpr u64 kCode64 = 0x0020'9B00'0000'0000; // present, code, long (APM 2 §4.8.1); accessed, so loading writes nothing
constexpr u64 kData = 0x0000'9300'0000'0000;   // present, writable data

} // namespace

constinit Gate idt[kVectors] = {};
constinit Gate ending_idt[kVectors] = {};

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
