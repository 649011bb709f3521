// SPDX-License-Identifier: Apache-2.0
// What the fuzzer's bytes are: one byte for the mode, a CPUID table, then exits and mail, one behind the other.
#pragma once

#include "kernel/core/state.hpp"

namespace septum::fuzz {

inline constexpr size_t kStepsAt =
    1 + sizeof(kernel::core::CpuidTable::first) + sizeof(kernel::core::CpuidTable::entries_of);

struct Step {
    u8 kind;
    u8 width;
    u8 how;   // to shape address and value
    u8 flags; // 0x80: mail instead; 8: while delivering; 4: a hypercall's number; 3: privilege
    u64 address;
    u64 value;
    u64 registers[4];
    u8 code[16]; // for memory exits: an instruction, and in the last four bytes how to read it
};
static_assert(sizeof(Step) == 72);

} // namespace septum::fuzz
