// SPDX-License-Identifier: Apache-2.0
// The one kind of instruction that the kernel ever carries out for a guest: a MOV between a register, or an immediate, and
// memory. Drivers touch an MSI-X table with nothing else (Linux: readl, writel).
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::core {

inline constexpr u32 kMaxInstruction = 15; // bytes (APM 3 §1.1)

enum class CodeMode : u64 { bits16, bits32, bits64 }; // the default sizes that CS and EFER.LMA give (APM 2 §4.8.1)

struct alignas(8) Instruction {
    u8 bytes[kMaxInstruction] = {};
    u8 count = 0; // of them, those that could be read
    CodeMode mode = CodeMode::bits64;
};
static_assert(sizeof(Instruction) == 3 * sizeof(u64)); // without holes, so that two can be compared by words

struct Mov {
    u64 immediate = 0;      // sign-extended to the width where the encoding is shorter
    u8 length = 0;          // bytes of the instruction
    u8 width = 0;           // bytes in memory: 1, 2, 4 or 8
    u8 target_width = 0;    // of a load: bytes of the register that it fills, zero-extended from `width`
    u8 reg = 0;             // general register, in the processor's numbering
    bool store = false;     // into memory
    bool has_immediate = false; // a store of `immediate`
    bool high = false;      // the register is AH, CH, DH or BH: bits 15:8 of `reg`

    bool operator==(const Mov&) const = default;
};

// Opcodes 88–8B, A0–A3, C6 /0, C7 /0, 0F B6 and 0F B7 (APM 3: MOV, MOVZX) with a memory operand, in any addressing form, with
// the prefixes 66, 67, REX and those of segments. False for anything else and for one whose bytes are not all there. Where
// the operand lies is not worked out: the processor has said so.
bool decode(const Instruction& instruction, Mov& mov);

// An instruction and what was decoded of it; `mov.length` is 0 while there is none.
struct Decoded {
    Instruction instruction;
    Mov mov;
};

// As decode() into `last.mov`, without doing anew what `last` holds already.
bool decode_again(const Instruction& instruction, Decoded& last);

} // namespace septum::kernel::core
