// SPDX-License-Identifier: Apache-2.0
// The local APIC as far as starting the CPUs needs it (APM 2 §16, SDM 3 §11): into the board's mode, every local
// source masked, and the three messages that wake the other CPUs.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// Puts this CPU's APIC into `mode`, enabled, spurious vector 0xFF, all local vectors masked.
Refusal enable_local_apic(manifest::ApicMode mode);

// By CPUID, so that it can be asked before the APIC is trusted.
u32 read_apic_id();

// To all CPUs but this one. The wake-up page begins at `page` (below 1 MiB).
void send_init(manifest::ApicMode mode);
void send_startup(manifest::ApicMode mode, Hpa page);

} // namespace septum::kernel::boot
