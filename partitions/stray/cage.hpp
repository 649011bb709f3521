// SPDX-License-Identifier: Apache-2.0
// The second CPU runs snippets, one after another; any exception, or an NMI from the first, ends one and begins the
// next. It has page tables of its own, in which only the cage can be written: what it does to itself must not stop the
// one that counts.
#pragma once

#include <septum/types.hpp>

namespace septum::stray {

inline constexpr u64 kCage = 8 * kMiB; // guest-physical and virtual; 2 MiB

struct Progress {
    u64 snippets;   // begun
    u64 exceptions; // that ended one
};

// On the first CPU, before the second one starts: makes the cage, and gives every exception and NMI of any CPU a stack
// of its own. `ring`: 0 or 3. Snippets see memory below `reach`, at most 4 GiB: what lies beyond is a page fault of
// their own and not the kernel's affair.
void set_up(u64 reach, u64 seed, u32 ring);

// On the second CPU: for ever.
[[noreturn]] void run();

// How far it is.
Progress progress();

} // namespace septum::stray
