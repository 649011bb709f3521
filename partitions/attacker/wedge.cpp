// SPDX-License-Identifier: Apache-2.0
// Keeping its CPU busy with itself for ever, below the level at which interrupts are looked at: the processor delivers
// an exception, and delivering it raises it again (CVE-2015-5307, CVE-2015-8104).
#include "partitions/attacker/attack.hpp"
#include "partitions/attacker/own_tables.hpp"

#include <septum/runtime/clock.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

extern "C" {
extern const septum::u8 septum_guest_vectors[256][16];
// ring3.S: runs misaligned accesses in ring 3 with alignment checks on, on the given stack.
[[noreturn]] void attacker_misaligned_in_ring3(septum::u64 stack);
}

namespace septum::attacker::wedge {
namespace {

constexpr u8 kDebug = 1;
constexpr u8 kAlignment = 17;
constexpr u8 kOwnStack = 2;

alignas(16) u8 exception_stacks[guest::kMostProcessors][4096];
alignas(16) u8 user_stack[4096];

u64 stack_top() {
    return reinterpret_cast<u64>(exception_stacks[guest::this_processor()]) + sizeof(exception_stacks[0]);
}

// Breakpoint 0 (APM 2 §13.1.1): kind and length as DR7 has them.
constexpr u64 kOnExecution = 0b0000;
void set_breakpoint(u64 address, u64 kind) {
    constexpr u64 kEnable = 0x402; // G0, and the bit that is always one
    asm volatile("mov %0, %%dr0" : : "r"(address));
    asm volatile("mov %0, %%dr7" : : "r"(kEnable | kind << 16));
}
void clear_breakpoint() {
    asm volatile("mov %0, %%dr7" : : "r"(0x400UL));
}

void on_debug(guest::Frame&) {
    clear_breakpoint();
}

void debug_exception() {
    asm volatile("int $1" : : : "memory");
}

} // namespace

// A breakpoint on the first instruction of the handler of breakpoints, each time on the same stack.
Result debug_loop(const Try&) {
    guest::on_vector(kDebug, on_debug);
    guest::set_stack(kOwnStack, stack_top());
    guest::use_stack(kDebug, kOwnStack);
    set_breakpoint(reinterpret_cast<u64>(septum_guest_vectors[kDebug]), kOnExecution);
    debug_exception();
    return breach("the loop ended");
}

// Single steps through a jump to itself: each step traps, and the handler changes nothing.
//
// The other classic, a watchpoint on the stack that #DB is delivered on, is left out: the emulator that the demo runs
// in aborts on it, with or without a kernel beneath.
Result single_step_loop(const Try&) {
    guest::on_vector(kDebug, [](guest::Frame&) {});
    asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n1:\tjmp 1b" : : : "memory", "cc");
    return breach("the loop ended");
}

// Only ring 3 checks alignment. The handler returns to the very instruction that was misaligned, for ever.
Result alignment_loop(const Try&) {
    constexpr u64 kAlignmentMask = 1 << 18; // CR0.AM
    map_everything(0);
    guest::cpu::write_cr0(guest::cpu::read_cr0() | kAlignmentMask);
    guest::on_vector(kAlignment, [](guest::Frame&) {});
    const u64 ended = guest::attempt(
        [](void*) { attacker_misaligned_in_ring3(reinterpret_cast<u64>(user_stack) + sizeof(user_stack)); }, nullptr);
    return ended == guest::kNoException ? breach("ring 3 returned") : nothing("this processor checks no alignment");
}

// Its CPU is its own: nobody else waits for it, and the kernel takes it back by NMI when it must.
Result interrupts_off(const Try&) {
    const u64 hz = guest::tsc_hz();
    const u64 begin = guest::cpu::timestamp();
    asm volatile("cli" : : : "memory");
    while (guest::cpu::timestamp() - begin < hz / 10) {
    }
    return nothing("nobody waited");
}

// General detect makes every access to a debug register a #DB (APM 2 §13.1.1.4); the kernel's own registers are others.
Result privileged_breakpoints(const Try&) {
    constexpr u64 kGeneralDetect = 1 << 13;
    constexpr u64 kEverywhere = 0x4FF; // all four, local and global
    static u32 detected;
    guest::on_vector(kDebug, [](guest::Frame& frame) {
        ++detected;
        (void)frame; // the processor has cleared DR7.GD
    });
    for (u32 i = 0; i < 200; ++i) {
        asm volatile("mov %0, %%dr0" : : "r"(u64{0x20'0000} + i));
        asm volatile("mov %0, %%dr7" : : "r"(kEverywhere | kGeneralDetect | 0b11ULL << 16));
        (void)guest::cpu::cpuid(0); // exits with all of it in force
        u64 seen = 0;
        asm volatile("mov %%dr7, %0" : "=r"(seen));
        clear_breakpoint();
    }
    guest::on_vector(kDebug, nullptr);
    return detected > 0 ? nothing("its own exceptions, each answered") : nothing("this processor detects nothing");
}

} // namespace septum::attacker::wedge
