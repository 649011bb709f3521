// SPDX-License-Identifier: Apache-2.0
// Why and where it ended: one page that no boot scrubs before it has been read, so that it survives a warm reset.
#pragma once

#include "kernel/percpu.hpp"

namespace septum::kernel {

class Line;

// The page's contents. Only the kernel that wrote it reads it again: the next boot of the same bundle.
struct CrashRecord {
    u64 magic;
    u64 checksum;         // over everything behind it
    u64 manifest;         // first eight bytes of the manifest's digest
    u64 facts;            // of the board contract, that held at boot; 0: it did not come to that
    u64 tsc;
    char reason[200];     // the line that was said, zero-terminated unless it is full
    u64 registers[core::kRegisters]; // of the guest, or of the kernel when that is what failed
    u64 rip;
    u64 rflags;
    u64 cr3;
    u32 apic_id;
    u32 newest;           // the newest of `last` is number (newest - 1) % kLastExits
    u64 counters[core::kExitKinds];
    LastExit last[kLastExits];
};
static_assert(sizeof(CrashRecord) % 8 == 0 && sizeof(CrashRecord) <= kPageSize);

inline constexpr u64 kCrashMagic = 0x4853'4152'4350'4553ULL; // "SEPCRASH"

// FNV-1a, 64 bits wide, over the record's words behind the checksum. Pure.
inline u64 checksum_of(const CrashRecord& record) {
    const u64* const words = &record.magic;
    u64 sum = 0xCBF2'9CE4'8422'2325ULL;
    for (u32 i = 2; i < sizeof(CrashRecord) / 8; i++) {
        sum = (sum ^ words[i]) * 0x0000'0100'0000'01B3ULL;
    }
    return sum;
}

namespace lifecycle {

// Where the kernel itself failed.
struct KernelState {
    const u64* registers; // core::kRegisters of them
    u64 rip;
    u64 rflags;
};

// Writes the record, over an older one. `state` null: the guest of this CPU is what it tells of. Never waits: when another
// CPU is writing, that one's record stays.
void record_crash(const Line& reason, const KernelState* state = nullptr);

} // namespace lifecycle

} // namespace septum::kernel
