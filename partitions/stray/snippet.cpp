// SPDX-License-Identifier: Apache-2.0
#include "partitions/stray/snippet.hpp"

namespace septum::stray {
namespace {

struct Instruction {
    u8 size;
    u8 bytes[6];
};

// Left out: what ends the partition for good, and moves to debug registers, for a watchpoint on the stack that #DB is
// delivered on ends some emulators.
constexpr Instruction kInstructions[] = {
    {2, {0x0F, 0xA2}},                   // CPUID
    {2, {0x0F, 0x32}},                   // RDMSR
    {2, {0x0F, 0x30}},                   // WRMSR
    {3, {0x0F, 0x01, 0xD9}},             // VMMCALL
    {3, {0x0F, 0x01, 0xD8}},             // VMRUN
    {3, {0x0F, 0x01, 0xDD}},             // CLGI
    {3, {0x0F, 0x01, 0xDF}},             // INVLPGA
    {1, {0xEC}},                         // IN AL, DX
    {1, {0xED}},                         // IN EAX, DX
    {1, {0xEE}},                         // OUT DX, AL
    {2, {0x66, 0xEF}},                   // OUT DX, AX
    {1, {0xEF}},                         // OUT DX, EAX
    {2, {0xF3, 0x6C}},                   // REP INSB
    {2, {0xF3, 0x6E}},                   // REP OUTSB
    {3, {0x0F, 0x22, 0xC0}},             // MOV CR0, RAX
    {3, {0x0F, 0x22, 0xD8}},             // MOV CR3, RAX
    {3, {0x0F, 0x22, 0xE0}},             // MOV CR4, RAX
    {4, {0x44, 0x0F, 0x22, 0xC0}},       // MOV CR8, RAX
    {3, {0x0F, 0x20, 0xC0}},             // MOV RAX, CR0
    {3, {0x0F, 0x01, 0xF0}},             // LMSW AX
    {2, {0x0F, 0x06}},                   // CLTS
    {3, {0x0F, 0x01, 0x16}},             // LGDT [RSI]
    {3, {0x0F, 0x01, 0x1E}},             // LIDT [RSI]
    {3, {0x0F, 0x00, 0xD8}},             // LTR AX
    {3, {0x0F, 0x01, 0x3E}},             // INVLPG [RSI]
    {2, {0x0F, 0x09}},                   // WBINVD
    {2, {0x0F, 0x08}},                   // INVD
    {3, {0x0F, 0x01, 0xF8}},             // SWAPGS
    {2, {0x0F, 0x05}},                   // SYSCALL
    {3, {0x48, 0x0F, 0x07}},             // SYSRETQ
    {2, {0x0F, 0x34}},                   // SYSENTER
    {2, {0x48, 0xCF}},                   // IRETQ
    {2, {0x48, 0xCB}},                   // RETFQ
    {1, {0x9D}},                         // POPFQ
    {1, {0xF4}},                         // HLT
    {1, {0xFB}},                         // STI
    {1, {0xFA}},                         // CLI
    {2, {0xCD, 0x80}},                   // INT 0x80
    {1, {0xF1}},                         // INT1
    {3, {0x0F, 0x01, 0xD1}},             // XSETBV
    {2, {0x0F, 0xAA}},                   // RSM
    {3, {0x0F, 0x01, 0xC8}},             // MONITOR
    {3, {0x0F, 0x01, 0xC9}},             // MWAIT
    {2, {0x0F, 0x33}},                   // RDPMC
    {3, {0x0F, 0xAE, 0x0E}},             // FXRSTOR [RSI]
    {3, {0x0F, 0xAE, 0x2E}},             // XRSTOR [RSI]
    {2, {0xEB, 0xFE}},                   // a jump to itself
    {3, {0x48, 0x89, 0x07}},             // MOV [RDI], RAX
    {3, {0x48, 0x8B, 0x00}},             // MOV RAX, [RAX]
    {5, {0xF0, 0x48, 0x0F, 0xC1, 0x07}}, // LOCK XADD [RDI], RAX
    {2, {0xFF, 0xE0}},                   // JMP RAX
};
constexpr u32 kInstructionCount = sizeof(kInstructions) / sizeof(kInstructions[0]);

// Not among them: the local APIC's timer, for a periodic one with a tiny count freezes some emulators.
constexpr u64 kValues[] = {0,           1,           0x10,        0x1B,        0x8B,        0x174,       0x200,
                           0x277,       0x2FF,       0x802,       0x808,       0x80B,       0x80F,       0x830,
                           0x835,       0x83F,       0xC000'0080, 0xC000'0081, 0xC000'0082, 0xC000'0101, 0xC000'0102,
                           0xC001'0111, 0xC001'0117, 0x4000'0000, 0x4000'0010, 0x8000'0008, 0x3F8,       0x3FD,
                           0x60,        0x64,        0x70,        0x71,        0x92,        0xB2,        0xCF8,
                           0xCF9,       0xCFC,       0x600,       0x5E04,      0x5345'5000, 0x5345'5001, 0x5345'5002,
                           0x5345'5005, 0x564D'5868, 0x3000'0000, 0xFEE0'0000, 0xFED9'0000, 0xD000'0000, 0xE000'0000};
constexpr u32 kValueCount = sizeof(kValues) / sizeof(kValues[0]);

// Whether what stands here ends the emulator, with or without a kernel beneath (docs/emulators.md): LTR, moves to debug
// registers, moves to CR4.
bool ends_emulator(const u8* code) {
    const bool load_task = code[1] == 0x00 && (code[2] >> 3 & 7) == 3;
    const bool debug_register = code[1] == 0x23;
    const bool control_register = code[1] == 0x22 && (code[2] >> 3 & 7) == 4;
    return code[0] == 0x0F && (load_task || debug_register || control_register);
}

} // namespace

void make_snippet(Random& random, u8* code) {
    constexpr u32 kRandom = kSnippet - 4;
    for (u32 i = kRandom; i < kSnippet; ++i) {
        code[i] = 0xCC;
    }
    u32 at = 0;
    while (at < kRandom) {
        const Instruction& next = kInstructions[random.below(kInstructionCount)];
        if (random.below(3) != 0 || at + next.size > kRandom) {
            code[at] = static_cast<u8>(random.next() >> 56);
            ++at;
            continue;
        }
        for (u32 i = 0; i < next.size; ++i) {
            code[at + i] = next.bytes[i];
        }
        at += next.size;
    }
    for (u32 i = 0; i + 2 < kRandom; ++i) {
        if (ends_emulator(code + i)) {
            code[i] = 0x90;
        }
    }
}

u64 interesting(Random& random) {
    switch (random.below(4)) {
    case 0: return random.next();
    case 1: return random.next() >> 32;
    default: return kValues[random.below(kValueCount)];
    }
}

} // namespace septum::stray
