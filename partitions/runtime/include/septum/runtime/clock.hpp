// SPDX-License-Identifier: Apache-2.0
// How fast this machine's clocks run.
#pragma once

#include <septum/types.hpp>

namespace septum::guest {

// The time-stamp counter, in Hz, as the kernel says; never 0.
u64 tsc_hz();

// The local APIC timer before division, in Hz; never 0. What the kernel does not say is measured against the TSC:
// that takes a few milliseconds, uses vector 0xFE and stops the timer. Call it with interrupts off.
u64 apic_timer_hz();

} // namespace septum::guest
