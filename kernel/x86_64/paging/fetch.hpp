// SPDX-License-Identifier: Apache-2.0
// The bytes of the instruction at which a guest stands, out of its own RAM.
#pragma once

#include "kernel/core/decoder.hpp"
#include "kernel/core/state.hpp"
#include "kernel/x86_64/paging/walk.hpp"

namespace septum::kernel::paging {

// What the last walk in long mode went through. Where a walk ends follows from its mode, the address and the entries that it reads,
// so one that finds all of them as they were ends there too, and need not work out where each lies.
struct Trail {
    Mode mode;
    u64 linear = 0;
    u64 inside = 0;    // the bits of an address that choose no entry
    u64 page = 0;      // guest-physical
    u32 count = 0;     // of the entries; 0: nothing is known
    const u8* places[kMostLevels] = {};
    u64 entries[kMostLevels] = {};
};

// Up to 15 bytes from `linear` on, each read once; fewer where the guest's tables or its RAM end. `regions` are the
// partition's: only those of RAM are read. `trail` is of the same regions, and that of this walk afterwards.
void fetch(const core::Records<manifest::Region>& regions, const Mode& mode, u64 linear, Trail& trail,
           core::Instruction& instruction);

} // namespace septum::kernel::paging
