// SPDX-License-Identifier: Apache-2.0
// A guest's own page tables, walked as its processor would (APM 2 §5.2 – §5.4): 32-bit, PAE, four and five levels, large
// pages, or none. Every level is one read; what is read is the guest's to change, so that nothing more follows from it than
// where in the guest's own memory to look next. Rights are not looked at: the guest has just executed what is there.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::paging {

struct Mode {
    u64 cr0 = 0;
    u64 cr3 = 0;
    u64 cr4 = 0;
    u64 efer = 0;
};

inline constexpr u64 kCr0Paging = 1ULL << 31;
inline constexpr u64 kCr4LargePages = 1u << 4;
inline constexpr u64 kCr4Pae = 1u << 5;
inline constexpr u64 kCr4FiveLevels = 1u << 12;
inline constexpr u64 kEferLongModeActive = 1u << 10;
inline constexpr u64 kNowhere = ~0ULL;

// Guest-physical address of `linear`, or kNowhere. `read(gpa, bytes, value)` fetches 4 or 8 bytes, at a multiple of their
// number, from the guest's memory and says whether there is any.
template <typename Read>
u64 walk(const Mode& mode, u64 linear, Read read) {
    constexpr u64 kPresent = 1;
    constexpr u64 kLarge = 1u << 7;
    constexpr u64 kAddressBits = 0x000F'FFFF'FFFF'F000; // of an 8-byte entry
    if ((mode.cr0 & kCr0Paging) == 0) {
        return linear & 0xFFFF'FFFF;
    }
    const bool long_mode = (mode.efer & kEferLongModeActive) != 0;
    const bool wide = long_mode || (mode.cr4 & kCr4Pae) != 0; // 8-byte entries, 9 bits a level
    const u32 entry_bytes = wide ? 8 : 4;
    const u32 bits = wide ? 9 : 10;
    const u32 top = long_mode ? ((mode.cr4 & kCr4FiveLevels) != 0 ? 5 : 4) : wide ? 3 : 2;
    const bool pointers_only = wide && !long_mode; // PAE's third level has four entries and no large pages
    if (!long_mode) {
        linear &= 0xFFFF'FFFF;
    }
    u64 table = long_mode ? mode.cr3 & kAddressBits : mode.cr3 & (wide ? 0xFFFF'FFE0 : 0xFFFF'F000);
    for (u32 level = 5; level > 0; level--) {
        if (level > top) {
            continue;
        }
        const u32 shift = 12 + bits * (level - 1);
        u64 entry = 0;
        if (!read(table + (linear >> shift & ((1u << bits) - 1)) * entry_bytes, entry_bytes, entry) ||
            (entry & kPresent) == 0) {
            return kNowhere;
        }
        const bool may_be_large = wide ? (level == 2 || (level == 3 && !pointers_only))
                                       : level == 2 && (mode.cr4 & kCr4LargePages) != 0;
        const u64 inside = (1ULL << shift) - 1;
        if (level == 1 || (may_be_large && (entry & kLarge) != 0)) {
            if (!wide && level == 2) { // 4 MiB pages: bits 39:32 of the address lie in bits 20:13 (§5.2.1)
                return (entry & 0xFFC0'0000) | (entry >> 13 & 0xFF) << 32 | (linear & inside);
            }
            return (entry & kAddressBits & ~inside) | (linear & inside);
        }
        table = wide ? entry & kAddressBits : entry & 0xFFFF'F000;
    }
    return kNowhere;
}

} // namespace septum::kernel::paging
