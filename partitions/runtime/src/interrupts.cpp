// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/interrupts.hpp>

#include "processor.hpp"
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
constexpr u16 kTask = 0x30; // the first CPU's task state; the others' follow, two words each

u64 gdt[6 + 2 * kMostProcessors] = {0, kCode64, kData, kUserData64, kUserCode64, kUserCodeLegacy};

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
constexpr u32 kGsBase = 0xC000'0101; // APM 2 §4.5.3

Handler handlers[256];

u64 address(const void* p) {
    return reinterpret_cast<u64>(p);
}

void load_gdt(Processor& own) {
    const u64 base = address(&own.task);
    const auto selector = static_cast<u16>(kTask + 16 * own.number);
    constexpr u64 kTaskType = 0x0000'8900'0000'0000; // present, available 64-bit TSS
    gdt[selector / 8] = kTaskType | (sizeof(TaskState) - 1) | (base & 0xFF'FFFF) << 16 | (base >> 24 & 0xFF) << 56;
    gdt[selector / 8 + 1] = base >> 32;
    own.task.rsp[0] = address(own.ring0_stack) + sizeof(own.ring0_stack);
    own.task.ist[0] = address(own.fault_stack) + sizeof(own.fault_stack);
    own.task.io_map = sizeof(TaskState);
    const TablePointer pointer{sizeof(gdt) - 1, address(gdt)};
    asm volatile("lgdt %0" : : "m"(pointer) : "memory");
    septum_guest_load_segments(kKernelCode, kKernelData, selector);
}

void fill_idt() {
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
}

[[noreturn]] void unexpected(const Frame& frame) {
    const auto* info = reinterpret_cast<const Info*>(kInfoBase);
    say(info->name, frame.vector < 32 ? ": exception " : ": interrupt that nobody awaits, vector ", frame.vector,
        ", error code ", Hex{frame.error}, ", at ", Hex{frame.rip}, ", cr2 ", Hex{cpu::read_cr2()}, ": stopping");
    stop();
}

} // namespace

void load_tables(u32 number) {
    Processor& own = processors[number % kMostProcessors];
    own.attempt_stack = 0;
    own.number = number;
    load_gdt(own);
    cpu::write_msr(kGsBase, address(&own));
    const TablePointer pointer{sizeof(idt) - 1, address(idt)};
    asm volatile("lidt %0" : : "m"(pointer) : "memory");
}

void set_up_interrupts() {
    fill_idt();
    load_tables(0);
}

void on_vector(u8 vector, Handler handler) {
    handlers[vector] = handler;
}

void use_stack(u8 vector, u8 ist) {
    idt[vector].ist = ist & 7;
}

void set_stack(u8 ist, u64 top) {
    if (ist >= 1 && ist <= 7) {
        processor().task.ist[ist - 1] = top;
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
    } else if (vector < 32 && processor().attempt_stack != 0) {
        frame->rax = vector;
        frame->rip = address(septum_guest_attempt_failed);
        frame->rsp = processor().attempt_stack;
        frame->cs = kKernelCode;
        frame->ss = kKernelData;
    } else {
        unexpected(*frame);
    }
    if (vector >= 32) {
        apic::end_of_interrupt();
    }
}
