// SPDX-License-Identifier: Apache-2.0
// What a partition is told about itself: one page of plain data at kInfoBase, made offline, part of its payload.
#pragma once

#include <septum/types.hpp>

namespace septum::guest {

inline constexpr u64 kInfoMagic = 0x4f46'4e49'5054'4553ULL; // "SETPINFO" read as bytes 53 45 54 50 49 4E 46 4F
inline constexpr u32 kInfoVersion = 1;
inline constexpr u32 kMaxInfoChannels = 32;
inline constexpr u32 kMaxInfoCpus = 64;

struct InfoChannel {
    char name[32];
    char peer[32]; // the other partition
    u64 gpa;
    u64 size;      // bytes
    u32 index;     // the number to ring, and the number a ring is reported as
    u8 direction;  // 1: this partition writes, 2: it reads
    u8 doorbell;   // 1: it has one
    u8 vector;     // for a reader: the interrupt a ring raises on the first CPU; 0: none, ask kDoorbellPort
    u8 reserved0;
};
static_assert(sizeof(InfoChannel) == 88);

struct Info {
    u64 magic;
    u32 version;
    u32 cpu_count;
    char name[32];
    u64 ram_size; // bytes
    u32 channel_count;
    u32 reserved0;
    u32 apic_ids[kMaxInfoCpus]; // of this partition's CPUs, first the boot CPU
    InfoChannel channels[kMaxInfoChannels];
};
static_assert(sizeof(Info) == 3136 && sizeof(Info) <= kPageSize);

} // namespace septum::guest
