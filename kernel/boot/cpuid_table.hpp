// SPDX-License-Identifier: Apache-2.0
// The CPUID answers of a partition: what this processor says, through the manifest's masks.
#pragma once

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::boot {

// Computes them once, on the boot CPU, for a scrubbed PartitionBlock: all CPUs are alike by the board contract, and what
// differs from one to the next (its APIC id, OSXSAVE) is patched at each exit. CR4 is as it stays (set_control_registers).
void fill_cpuid(const manifest::Header& header, const manifest::Partition& partition);

} // namespace septum::kernel::boot
