// SPDX-License-Identifier: Apache-2.0
// Exceptions and interrupts. The runtime has an entry for each of the 256 vectors; what nobody asked for is said on
// the console, and the partition stops.
#pragma once

#include <septum/types.hpp>

namespace septum::guest {

// The interrupted state, as the entry stubs in x86_64/vectors.S push it. A handler may change it.
struct Frame {
    u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    u64 vector;
    u64 error; // 0 for vectors that have none
    u64 rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(Frame) == 22 * sizeof(u64));

using Handler = void (*)(Frame&);

// From now on `handler` takes `vector`; null gives it back to the runtime. Handlers run with interrupts off. For
// vectors from 32 on the end of interrupt is the runtime's affair.
void on_vector(u8 vector, Handler handler);

// Which of the TSS's seven stacks (APM 2 §8.9.4) a vector switches to; 0: none. The runtime itself uses 1, for #DF.
void use_stack(u8 vector, u8 ist);
void set_stack(u8 ist, u64 top);

inline constexpr u64 kNoException = ~0ULL;

// Calls `function(argument)`. Returns kNoException when it returned, or the vector of the exception that ended it: then
// whatever it had begun is left as it was. A handler registered for that vector goes first. Calls do not nest.
u64 attempt(void (*function)(void*), void* argument);

// Selectors of the runtime's GDT, for those who want to leave ring 0.
inline constexpr u16 kKernelCode = 0x08;
inline constexpr u16 kKernelData = 0x10;
inline constexpr u16 kUserData = 0x18 | 3;
inline constexpr u16 kUserCode = 0x20 | 3;
inline constexpr u16 kUserCode32 = 0x28 | 3;

} // namespace septum::guest
