// SPDX-License-Identifier: Apache-2.0
// The memory type range registers of the CPU that runs this.
#pragma once

#include "kernel/boot/memory_type.hpp"

namespace septum::kernel::boot {

// Takes the boot CPU's registers, fixed ones included, as the model for the others.
void keep_mtrrs();

// Makes this CPU's registers those of the boot CPU, where they differ (SDM 3 §12.11.8). Firmware sets all CPUs alike
// and INIT keeps that on hardware, but not in QEMU.
void adopt_mtrrs();

// What check_write_back wants to know.
Mtrrs read_mtrrs();

} // namespace septum::kernel::boot
