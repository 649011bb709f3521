// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/interrupts.hpp>

#include "start.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/info.hpp>
#include <septum/runtime/apic.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>

extern "C" {
extern const septum::u8 septum_guest_vectors[256][16];
extern const septum::u8 septum_guest_attempt_failed[];
septum::u64 septum_guest_attempt_stack; // 0: no attempt under way
septum::u64 septum_guest_attempt(void (*function)(void*), void* argument);
void septum_guest_load_segments(septum::u64 code, septum::u64 data, septum::u64 task);
void septum_guest_vector(septum::guest::Frame* frame);
}

namespace septum::guest {
namespace {

// Descriptors (APM 2 §4.7, §4.8). Limits are ignored in 64-bit mode; the 32-bit code segment has its 4 GiB.
constexpr u64 kCode64 = 0x0020'9B00'0000'0000;
constexpr u64 kData = 0x00CF'9300'0000'FFFF;
constexpr u64 kUserData64 = 0x00CF'F300'0000'FFFF;
constexpr u64 kUserCode64 = 0x0020'FB00'0000'0000;
constexpr u64 kUserCodeLegacy = 0x00CF'FB00'0000'FFFF;
constexpr u16 kTask = 0x30;

u64 gdt[8] = {0, kCode64, kData, kUserData64, kUserCode64, kUserCodeLegacy, 0, 0};

// Task-state segment (APM 2 §12.2.5). Packed: the 64-bit fields lie on 4-byte boundaries.
struct [[gnu::packed]] TaskState {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3;
    u16 io_map;
};
static_assert(sizeof(TaskState) == 104);
TaskState task;

// Interrupt gate (APM 2 §4.8.4).
struct Gate {
    u16 offset_low;
    u16 selector;
    u8 ist;
    u8 type;
    u16 offset_mid;
    u32 offset_high;
    u32 reserved;
};
static_assert(sizeof(Gate) == 16);
constexpr u8 kInterruptGate = 0x8E; // present, DPL 0
alignas(16) Gate idt[256];

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};

constexpr u8 kDoubleFault = 8;
alignas(16) u8 fault_stack[4096];
alignas(16) u8 ring0_stack[8192]; // for what arrives while in ring 3

Handler handlers[256];

u64 address(const void* p) {
    return reinterpret_cast<u64>(p);
}

void load_gdt() {
    const u64 base = address(&task);
    constexpr u64 kTaskType = 0x0000'8900'0000'0000; // present, available 64-bit TSS
    gdt[kTask / 8] = kTaskType | (sizeof(TaskState) - 1) | (base & 0xFF'FFFF) << 16 | (base >> 24 & 0xFF) << 56;
    gdt[kTask / 8 + 1] = base >> 32;
    task.rsp[0] = address(ring0_stack) + sizeof(ring0_stack);
    task.ist[0] = address(fault_stack) + sizeof(fault_stack);
    task.io_map = sizeof(TaskState);
    const TablePointer pointer{sizeof(gdt) - 1, address(gdt)};
    asm volatile("lgdt %0" : : "m"(pointer) : "memory");
    septum_guest_load_segments(kKernelCode, kKernelData, kTask);
}

void load_idt() {
    for (unsigned vector = 0; vector < 256; ++vector) {
        const u64 entry = address(septum_guest_vectors[vector]);
        idt[vector] = {static_cast<u16>(entry),
                       kKernelCode,
                       0,
                       kInterruptGate,
                       static_cast<u16>(entry >> 16),
                       static_cast<u32>(entry >> 32),
                       0};
    }
    use_stack(kDoubleFault, 1);
    const TablePointer pointer{sizeof(idt) - 1, address(idt)};
    asm volatile("lidt %0" : : "m"(pointer) : "memory");
}

[[noreturn]] void unexpected(const Frame& frame) {
    const auto* info = reinterpret_cast<const Info*>(kInfoBase);
    say(info->name, frame.vector < 32 ? ": exception " : ": interrupt that nobody awaits, vector ", frame.vector,
        ", error code ", Hex{frame.error}, ", at ", Hex{frame.rip}, ", cr2 ", Hex{cpu::read_cr2()}, ": stopping");
    stop();
}

} // namespace

void set_up_interrupts() {
    load_gdt();
    load_idt();
}

void on_vector(u8 vector, Handler handler) {
    handlers[vector] = handler;
}

void use_stack(u8 vector, u8 ist) {
    idt[vector].ist = ist & 7;
}

void set_stack(u8 ist, u64 top) {
    if (ist >= 1 && ist <= 7) {
        task.ist[ist - 1] = top;
    }
}

u64 attempt(void (*function)(void*), void* argument) {
    return septum_guest_attempt(function, argument);
}

} // namespace septum::guest

void septum_guest_vector(septum::guest::Frame* frame) {
    using namespace septum::guest;
    const auto vector = static_cast<septum::u8>(frame->vector);
    if (vector == apic::kSpuriousVector) {
        return; // no end of interrupt for it (APM 2 §16.4.7)
    }
    if (handlers[vector] != nullptr) {
        handlers[vector](*frame);
    } else if (vector < 32 && septum_guest_attempt_stack != 0) {
        frame->rax = vector;
        frame->rip = address(septum_guest_attempt_failed);
        frame->rsp = septum_guest_attempt_stack;
        frame->cs = kKernelCode;
        frame->ss = kKernelData;
    } else {
        unexpected(*frame);
    }
    if (vector >= 32) {
        apic::end_of_interrupt();
    }
}
