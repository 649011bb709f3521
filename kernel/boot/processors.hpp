// SPDX-License-Identifier: Apache-2.0
// The other CPUs: woken all at once, so that one the board does not state shows itself, and let go together.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// Wakes every other CPU, waits until all the manifest states have checked in, and refuses when one is missing. A CPU
// that is not stated, or on which a fact does not hold, refuses by itself. Afterwards all of them wait on their own
// stacks, and the wake-up page is wiped. Measures the time-stamp counter on the way, in the pause after INIT.
Refusal start_processors(const manifest::Header& header, u64& tsc_hz);

// Index of this CPU in the manifest.
Refusal find_cpu(const manifest::Header& header, u32 apic_id, u32& index);

// Fills what the resident part works with, and lets all of them, this one included, go there.
[[noreturn]] void launch(const manifest::Header& header, u32 own_index);

} // namespace septum::kernel::boot
