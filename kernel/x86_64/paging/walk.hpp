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

// Guest-physical address of `linear`, or kNowhere. `read(gpa, is_wide, entry)` fetches 8 or 4 bytes, at a multiple of their
// number, from the guest's memory and says whether there is any.
template <typename Read>
inline u64 walk(const Mode& mode, u64 linear, Read read) {
    constexpr u64 kPresent = 1;
    constexpr u64 kLarge = 1u << 7;
    constexpr u64 kAddressBits = 0x000F'FFFF'FFFF'F000; // of an entry; those of 4 bytes have no more than 32 bits
    constexpr u32 kMostLevels = 5;
    const bool long_mode = (mode.efer & kEferLongModeActive) != 0;
    const bool wide = long_mode || (mode.cr4 & kCr4Pae) != 0; // 8-byte entries, 9 bits a level; else 4 bytes, 10 bits
    u32 shift = 48;  // of the top level's index, and the bits of one level more
    u32 large = 21;  // of the levels' indices at which a page may be large; 0: at none
    u32 huge = 30;
    u64 table = mode.cr3 & kAddressBits;
    if (!long_mode) {
        linear &= 0xFFFF'FFFF;
        huge = 0; // PAE's third level has four entries and no large pages
        shift = wide ? 39 : 32;
        table = mode.cr3 & (wide ? 0xFFFF'FFE0 : 0xFFFF'F000);
        large = wide ? 21 : (mode.cr4 & kCr4LargePages) != 0 ? 22 : 0;
        if ((mode.cr0 & kCr0Paging) == 0) {
            return linear;
        }
    } else if ((mode.cr4 & kCr4FiveLevels) != 0) {
        shift = 57;
    }
    const u32 bits = wide ? 9 : 10;
    for (u32 level = 0; level < kMostLevels; level++) {
        shift -= bits;
        const u64 index = linear >> shift & ((1u << bits) - 1);
        u64 entry = 0;
        if (!read(table + (wide ? index * 8 : index * 4), wide, entry) || (entry & kPresent) == 0) {
            return kNowhere;
        }
        if (shift == 12) {
            return (entry & kAddressBits) | (linear & 0xFFF);
        }
        if ((entry & kLarge) != 0 && (shift == large || shift == huge)) {
            const u64 inside = (1ULL << shift) - 1;
            if (!wide) { // bits 39:32 of the address lie in bits 20:13 (§5.2.1)
                entry |= (entry >> 13 & 0xFF) << 32;
            }
            return (entry & kAddressBits & ~inside) | (linear & inside);
        }
        table = entry & kAddressBits;
    }
    return kNowhere;
}

} // namespace septum::kernel::paging
