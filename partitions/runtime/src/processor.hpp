// SPDX-License-Identifier: Apache-2.0
// What each CPU has of its own. GS points to it; exceptions do not change GS, and the runtime's entry stubs rely on
// that.
#pragma once

#include <septum/runtime/processors.hpp>
#include <septum/types.hpp>

#include <stddef.h>

namespace septum::guest {

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

struct Processor {
    u64 attempt_stack; // %gs:0 in x86_64/vectors.S; 0: no attempt under way
    u64 number;        // %gs:8
    TaskState task;
    alignas(16) u8 fault_stack[4096];
    alignas(16) u8 ring0_stack[8192]; // for what arrives while in ring 3
};
static_assert(offsetof(Processor, attempt_stack) == 0 && offsetof(Processor, number) == 8);

// Makes this CPU use the runtime's descriptor tables, and GS.
void load_tables(u32 number);

extern Processor processors[kMostProcessors];

// This CPU's own.
inline Processor& processor() {
    u64 number;
    asm volatile("movq %%gs:8, %0" : "=r"(number));
    return processors[number % kMostProcessors];
}

} // namespace septum::guest
