// SPDX-License-Identifier: Apache-2.0
// What the kernel that stays finds in the workspace when it begins.
#pragma once

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::boot {

// Fills every CPU's PerCpu, the shared IDT, each partition's CPUID answers and device states, the console and the head of the
// event log. Once, by the boot CPU, when the workspace is scrubbed, it and the log are mapped, the clock is measured and every
// CPU waits; nothing of it uses the sealed page tables.
void wire(const manifest::Header& header);

} // namespace septum::kernel::boot
