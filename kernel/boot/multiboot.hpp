// SPDX-License-Identifier: Apache-2.0
// What the loader hands over (Multiboot2 §3.6). Only two tags matter: the memory map and the one module.
#pragma once

#include "kernel/boot/bytes.hpp"
#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

inline constexpr u32 kMultibootMagic = 0x36d7'6289; // in EAX at entry (§3.3)
inline constexpr u32 kMaxInformation = 1u << 20;    // bytes; a larger structure is not believed
inline constexpr u32 kMaxTags = 256;

// The firmware's memory map: records of `entry_size` bytes, in the loader's memory.
struct MemoryMap {
    static constexpr u32 kAvailable = 1;
    struct Entry {
        u64 base;
        u64 size;
        u32 type;
        u32 reserved;
    };

    Bytes bytes;
    u32 entry_size = 0;

    [[nodiscard]] u64 count() const { return entry_size == 0 ? 0 : bytes.size / entry_size; }
    [[nodiscard]] Entry at(u64 index) const { return bytes.load<Entry>(index * entry_size); }
};

struct Loaded {
    MemoryMap memory;
    u64 module_begin = 0; // host-physical
    u64 module_end = 0;
};

// Reads the information structure. Every tag lies inside it, there is one memory map and exactly one module.
Refusal read_multiboot(Bytes information, Loaded& loaded);

} // namespace septum::kernel::boot
