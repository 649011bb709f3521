// SPDX-License-Identifier: Apache-2.0
// What a CPU carries that is in no VMCB: cleaned before every launch, so that a guest starts as after a reset.
#pragma once

#include "kernel/percpu.hpp"

namespace septum::kernel::lifecycle {

// Local APIC, x87, vector and all other XSAVE state, XCR0, debug registers, TSC_AUX.
void reset_hardware(PerCpu& cpu);

// What INIT resets of it (APM 2 table 14-1): local APIC and debug registers.
void reset_by_init(PerCpu& cpu);

} // namespace septum::kernel::lifecycle
