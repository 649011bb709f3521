// SPDX-License-Identifier: Apache-2.0
// The kernel's own GDT, TSS and IDT (APM 2 §4.7, §4.8).
#pragma once

#include "kernel/percpu.hpp"

namespace septum::kernel::cpu {

// Fills the one IDT all CPUs share. Once, before any CPU loads it.
void fill_idt(manifest::ApicMode mode);

// Loads this CPU's GDT and TSS and the shared IDT, and points GS at `cpu`.
void load_tables(PerCpu& cpu);

} // namespace septum::kernel::cpu
