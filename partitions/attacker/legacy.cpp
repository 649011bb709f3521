// SPDX-License-Identifier: Apache-2.0
// 32-bit mode without paging, where the processor still knows task switches and virtual-8086 mode: what it reads and
// writes by itself then goes through the nested tables all the same. legacy.S goes there.
#include "partitions/attacker/attack.hpp"

#include <stddef.h>

namespace septum::attacker::instructions {
namespace {

enum Way : u32 { kJump, kCall, kGate, kInterrupt, kWrite, kVirtual };

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};

// Task-state segment of 32-bit mode (APM 2 §12.2.4), with an I/O map that allows every port up to 0xFFF.
struct TaskState {
    u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    u32 es, cs, ss, ds, fs, gs, ldt;
    u16 trap, io_map;
    u8 ports[0x1000 / 8 + 1];
};
static_assert(offsetof(TaskState, io_map) == 0x66);

alignas(16) TaskState from;
alignas(16) TaskState to;
alignas(16) u8 stack[4096];
alignas(16) u64 descriptors[8];
alignas(16) u64 gates[0x21];
constexpr u16 kCode = 0x08;
constexpr u16 kData = 0x10;
constexpr u16 kTo = 0x20;

} // namespace
} // namespace septum::attacker::instructions

extern "C" {
// legacy.S: to 32-bit mode, then the way; does not come back. `tables`: GDT and IDT pointers, 16 bytes apart.
[[noreturn]] void attacker_legacy(septum::u64 way, const void* gdt, const void* idt, septum::u64 stack);
extern const septum::u8 attacker_legacy_task[]; // where the other task begins: asks for a restart
}

namespace septum::attacker::instructions {
namespace {

u32 low(const void* pointer) {
    return static_cast<u32>(reinterpret_cast<u64>(pointer));
}

u64 task_descriptor(u64 base) {
    constexpr u64 kAvailable = 0x0000'8900'0000'0000;
    return kAvailable | (sizeof(TaskState) - 1) | (base & 0xFF'FFFF) << 16 | (base >> 24 & 0xFF) << 56;
}

[[noreturn]] void go(Way way, u64 target) {
    constexpr u64 kTaskGate = u64{kTo} << 16 | 0x8500ULL << 32;
    descriptors[1] = 0x00CF'9B00'0000'FFFF;
    descriptors[2] = 0x00CF'9300'0000'FFFF;
    descriptors[3] = task_descriptor(low(&from));
    descriptors[4] = task_descriptor(target);
    descriptors[5] = kTaskGate;
    gates[0x20] = kTaskGate;
    from.esp0 = low(stack) + sizeof(stack);
    from.ss0 = kData;
    from.io_map = offsetof(TaskState, ports);
    from.ports[sizeof(from.ports) - 1] = 0xFF; // ends the map (APM 2 §12.2.4)
    to.eip = low(attacker_legacy_task);
    to.eflags = 2;
    to.esp = low(stack) + sizeof(stack) / 2;
    to.es = to.ss = to.ds = to.fs = to.gs = kData;
    to.cs = kCode;
    to.io_map = sizeof(TaskState);
    static TablePointer gdt;
    static TablePointer idt;
    gdt = {sizeof(descriptors) - 1, reinterpret_cast<u64>(descriptors)};
    idt = {sizeof(gates) - 1, reinterpret_cast<u64>(gates)};
    attacker_legacy(way, &gdt, &idt, reinterpret_cast<u64>(stack) + sizeof(stack));
}

constexpr u64 kHostMemory = 0x3000'0000;

} // namespace

Result task_switch(const Try& t) {
    go(static_cast<Way>(t.variant() % 4), low(&to));
}

Result task_state_outside(const Try&) {
    go(kJump, kHostMemory);
}

Result without_paging(const Try&) {
    go(kWrite, low(&to));
}

Result virtual_8086(const Try&) {
    constexpr u8 kCodeBytes[] = {0xBA, 0xF9, 0x0C, 0xB0, 0x06, 0xEE, 0xF4}; // MOV DX, 0xCF9; MOV AL, 6; OUT DX, AL; HLT
    auto* place = reinterpret_cast<volatile u8*>(0x9000);
    for (u32 i = 0; i < sizeof(kCodeBytes); ++i) {
        place[i] = kCodeBytes[i];
    }
    go(kVirtual, low(&to));
}

} // namespace septum::attacker::instructions
