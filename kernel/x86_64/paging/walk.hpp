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

// Long mode: bits of an address that choose an entry of one table, how many tables there are at most, and where those bits lie for
// the first of them.
inline constexpr u32 kLevelBits = 9;
inline constexpr u32 kMostLevels = 5;
constexpr u32 first_shift(const Mode& mode) { return (mode.cr4 & kCr4FiveLevels) != 0 ? 48 : 39; }

// Guest-physical address of `linear`, or kNowhere. `read(gpa, is_wide, entry)` fetches 8 or 4 bytes, at a multiple of their
// number, from the guest's memory and says whether there is any.
template <typename Read>
inline u64 walk(const Mode& mode, u64 linear, Read read) {
    constexpr u64 kPresent = 1;
    constexpr u64 kLarge = 1u << 7;
    constexpr u64 kAddressBits = 0x000F'FFFF'FFFF'F000; // of an entry; those of 4 bytes have no more than 32 bits
    if ((mode.efer & kEferLongModeActive) != 0) { // the frequent case, on its own: 8 bytes an entry, 9 bits a level
        u64 entry = mode.cr3;
        for (u32 shift = first_shift(mode); shift >= 12; shift -= kLevelBits) {
            if (!read((entry & kAddressBits) + (linear >> shift & 511) * 8, true, entry) || (entry & kPresent) == 0) {
                return kNowhere;
            }
            if ((entry & kLarge) != 0 && (shift == 21 || shift == 30)) {
                const u64 inside = (1ULL << shift) - 1;
                return (entry & kAddressBits & ~inside) | (linear & inside);
            }
        }
        return (entry & kAddressBits) | (linear & 0xFFF);
    }
    linear &= 0xFFFF'FFFF;
    if ((mode.cr0 & kCr0Paging) == 0) {
        return linear;
    }
    const bool wide = (mode.cr4 & kCr4Pae) != 0; // else 4 bytes an entry, 10 bits a level
    const u32 bits = wide ? 9 : 10;
    const u32 large = wide ? 21 : (mode.cr4 & kCr4LargePages) != 0 ? 22 : 0; // PAE's third level has none
    u64 entry = 0;
    u64 table = mode.cr3 & (wide ? 0xFFFF'FFE0 : 0xFFFF'F000);
    for (u32 shift = wide ? 30 : 22; shift >= 12; shift -= bits) {
        const u64 index = linear >> shift & ((1u << bits) - 1);
        if (!read(table + (wide ? index * 8 : index * 4), wide, entry) || (entry & kPresent) == 0) {
            return kNowhere;
        }
        if ((entry & kLarge) != 0 && shift == large) {
            const u64 inside = (1ULL << shift) - 1;
            if (!wide) { // bits 39:32 of the address lie in bits 20:13 (§5.2.1)
                entry |= (entry >> 13 & 0xFF) << 32;
            }
            return (entry & kAddressBits & ~inside) | (linear & inside);
        }
        table = entry & kAddressBits;
    }
    return table | (linear & 0xFFF);
}

} // namespace septum::kernel::paging
