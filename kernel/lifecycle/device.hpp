// SPDX-License-Identifier: Apache-2.0
// What becomes of a partition's devices when it ends, and when it begins again.
#pragma once

#include "kernel/percpu.hpp"

namespace septum::kernel::lifecycle {

// Called by the partition's first CPU once every other one has parked, before its memory is scrubbed. Of each PCI function
// of the partition: all its DMA and interrupts blocked in the IOMMU, bus mastering off, then the function is reset. When it
// returns no device of the partition reaches anything any more. False: a function does not come back from its reset (said in
// a line); the partition cannot begin again. For a partition that is stopped this is the end: its devices stay blocked.
[[nodiscard]] bool quiesce_devices(PerCpu& cpu);

// Called by the same CPU after the new payload is in place: base addresses as planned, command register, MSI and MSI-X
// off, what the owner wrote forgotten, DMA and the interrupt entries open again (no entry present). False: a function does
// not take its base address (said in a line) and stays blocked; the partition cannot begin again.
[[nodiscard]] bool restore_devices(PerCpu& cpu);

// An NMI may have come from the IOMMU or the watchdog: on the CPU that fault events go to, says what is in the IOMMU's log; on
// the CPU that watches, closes partitions that have missed their heartbeat.
void look_for_faults(const PerCpu& cpu);

// Sleeps until this CPU's mailbox is not empty or an NMI has come, and then looks for faults.
void wait_for_event(PerCpu& cpu);

} // namespace septum::kernel::lifecycle
