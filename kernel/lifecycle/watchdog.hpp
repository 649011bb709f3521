// SPDX-License-Identifier: Apache-2.0
// Missing heartbeats. An HPET comparator that the boot part has set up sends an NMI to one CPU, again and again, and that
// CPU looks at every partition that has promised a heartbeat.
#pragma once

#include "kernel/percpu.hpp"

namespace septum::kernel::lifecycle {

// Lets the timer run. Once, when every CPU can take an NMI.
void start_watchdog(const manifest::Header& header);

// On the CPU that watches: a partition whose promise has run out is said, logged and closed (Cause::watchdog). It is never
// early; it is late by two periods of the timer at most. On any other CPU it does nothing.
void look_at_heartbeats(const PerCpu& cpu);

} // namespace septum::kernel::lifecycle
