// SPDX-License-Identifier: Apache-2.0
#include "partitions/stray/cage.hpp"
#include "partitions/stray/snippet.hpp"

#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

#include <stddef.h>

namespace septum::stray {
namespace {

namespace cpu = guest::cpu;

struct Registers {
    u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};

// All that the second CPU may write.
struct Cage {
    u8 code[4096];
    u8 data[64 * 1024];              // snippets' stack and pointers go here
    alignas(16) u8 stack[16 * 1024]; // exceptions' and this file's own
    Random random{1};
    Registers registers;
    u64 ring;
    u64 snippets;
    u64 exceptions;
};
Cage& cage = *reinterpret_cast<Cage*>(kCage);

struct alignas(4096) Table {
    u64 entry[512];
};
Table top;
Table gigabytes;
Table megabytes[4];

// What each snippet begins with. Outside the cage, so that no snippet changes it.
struct {
    u64 cr0, cr3, cr4;
} control;

constexpr u8 kExceptionStack = 2;
alignas(16) u8 overseer_stack[8192];

u64 address(const void* pointer) {
    return reinterpret_cast<u64>(pointer);
}
u64 stack_top() {
    return address(cage.stack) + sizeof(cage.stack);
}

u64 read_cr4() {
    u64 value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

// One to one and read-only, the cage writable, all of it for ring 3 too.
void make_tables(u64 reach) {
    constexpr u64 kPresent = 1;
    constexpr u64 kWrite = 2;
    constexpr u64 kUser = 4;
    constexpr u64 kLarge = 0x80;
    constexpr u64 kAccessed = 0x60; // and dirty: the tables themselves are not written by the walks
    for (u64 gigabyte = 0; gigabyte < 4; ++gigabyte) {
        for (u64 i = 0; i < 512; ++i) {
            const u64 base = gigabyte * kGiB + i * 2 * kMiB;
            const u64 present = base < reach ? kPresent : 0;
            megabytes[gigabyte].entry[i] = base | present | kUser | kLarge | kAccessed | (base == kCage ? kWrite : 0);
        }
        gigabytes.entry[gigabyte] = address(&megabytes[gigabyte]) | kPresent | kWrite | kUser | kAccessed;
    }
    top.entry[0] = address(&gigabytes) | kPresent | kWrite | kUser | kAccessed;
}

} // namespace

extern "C" {
// enter.S: loads registers and goes to the snippet in ring 0 or 3.
[[noreturn]] void stray_enter(const void* registers, septum::u64 code, septum::u64 stack, septum::u64 ring);
}

namespace {

// From whatever state the last one left, as far as that can be.
[[noreturn]] void next() {
    asm volatile("mov %0, %%cr0" : : "r"(control.cr0) : "memory");
    asm volatile("mov %0, %%cr4" : : "r"(control.cr4) : "memory");
    cpu::write_cr3(control.cr3);
    Random& random = cage.random;
    make_snippet(random, cage.code);
    auto* words = reinterpret_cast<u64*>(&cage.registers);
    for (u64 i = 0; i < sizeof(Registers) / 8; ++i) {
        words[i] = interesting(random);
    }
    constexpr u32 kDataWords = sizeof(cage.data) / 8;
    u64* const pointers[] = {&cage.registers.rsi, &cage.registers.rdi, &cage.registers.rbx, &cage.registers.rbp};
    for (u64* pointer : pointers) {
        if (random.below(8) != 0) {
            *pointer = address(cage.data) + 8 * u64{random.below(kDataWords)};
        }
    }
    ++cage.snippets;
    stray_enter(&cage.registers, address(cage.code), address(cage.data) + sizeof(cage.data) / 2, cage.ring);
}

// What ended a snippet does not go back to it.
void on_exception(guest::Frame& frame) {
    ++cage.exceptions;
    frame.rip = reinterpret_cast<u64>(&next);
    frame.cs = guest::kKernelCode;
    frame.ss = guest::kKernelData;
    frame.rflags = 2;
    frame.rsp = stack_top() - 8 * kKiB - 8; // below what an exception's own stack uses; as after a call
}

} // namespace

void set_up(u64 reach, u64 seed, u32 ring) {
    make_tables(reach);
    cage.random = Random(seed);
    cage.ring = ring;
    cage.snippets = 0;
    cage.exceptions = 0;
    control.cr0 = cpu::read_cr0();
    control.cr3 = address(&top);
    control.cr4 = read_cr4();
    guest::set_stack(kExceptionStack, address(overseer_stack) + sizeof(overseer_stack));
    for (u32 vector = 0; vector < 256; ++vector) {
        guest::use_stack(static_cast<u8>(vector), kExceptionStack);
        guest::on_vector(static_cast<u8>(vector), on_exception);
    }
}

void run() {
    constexpr u32 kSystemCallTargets[] = {0xC000'0082, 0xC000'0083, 0x176}; // LSTAR, CSTAR, SYSENTER_EIP
    for (const u32 msr : kSystemCallTargets) {
        cpu::write_msr(msr, reinterpret_cast<u64>(&next)); // a system call ends a snippet too
    }
    guest::set_stack(kExceptionStack, stack_top());
    asm volatile("movq %0, %%rsp\n\tjmpq *%1" : : "r"(stack_top() - 8 * kKiB - 8), "r"(&next) : "memory");
    __builtin_unreachable();
}

Progress progress() {
    return {*const_cast<volatile u64*>(&cage.snippets), *const_cast<volatile u64*>(&cage.exceptions)};
}

} // namespace septum::stray
