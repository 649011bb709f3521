// SPDX-License-Identifier: Apache-2.0
// What a CPU carries that is in no VMCB: cleaned before every launch, so that a guest starts as after a reset.
#pragma once

#include "kernel/percpu.hpp"

namespace septum::kernel::lifecycle {

// Local APIC, x87, SSE and AVX registers, XCR0, debug registers, TSC_AUX.
void reset_hardware(PerCpu& cpu);

} // namespace septum::kernel::lifecycle
