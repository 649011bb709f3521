// SPDX-License-Identifier: Apache-2.0
// How fast the time-stamp counter runs, measured against the 8254's crystal.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// Hertz, to about one part in ten thousand; takes about ten milliseconds. A timer that does not count is refused.
Refusal measure_tsc(u64& hertz);

// Waits at least this long; `hertz` from measure_tsc.
void wait_microseconds(u64 microseconds, u64 hertz);

} // namespace septum::kernel::boot
