// SPDX-License-Identifier: Apache-2.0
// The intruder's own page tables: inside its partition it may map whatever it likes.
#pragma once

#include <septum/types.hpp>

namespace septum::attacker {

// Page-table entries (APM 2 §5.4.1).
namespace entry {
inline constexpr u64 kPresent = 1;
inline constexpr u64 kWrite = 2;
inline constexpr u64 kUser = 4;
inline constexpr u64 kLarge = 0x80;
inline constexpr u64 kAll = kPresent | kWrite | kUser;
} // namespace entry

// Switches to tables that map every guest-physical address below 512 GiB to itself, in 1 GiB pages or, where the
// processor has none, the first 4 GiB and one more chosen GiB in 2 MiB pages; and all of it for ring 3 too.
void map_everything(u64 chosen);

// Maps one more 4 KiB page, at a fixed virtual address outside those, to `physical`; returns where.
volatile u64* map_page(u64 physical);

// Maps by entries of one's own at each level, the top one first; kTableHere: the table that the next entry is in.
// Returns the address that they map. The rest is as map_everything has it.
inline constexpr u32 kLevels = 4;
inline constexpr u64 kTableHere = 1ULL << 58; // a bit that is free in every entry
volatile u64* map_by(const u64 (&entries)[kLevels]);

// The table that CR3 points to after any of these.
u64* top_table();

// The table of 4 KiB pages that map_by's last entry is in.
u64* bottom_table();

// Highest guest-physical address bits the processor admits (CPUID 8000_0008 EAX[7:0]), at least 36.
u32 physical_bits();

} // namespace septum::attacker
