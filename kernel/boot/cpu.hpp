// SPDX-License-Identifier: Apache-2.0
// What every CPU does for itself before launch.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// Sets the paging attributes and the local APIC as the sealed tables expect them, then checks the board's facts and
// that all planned memory is write-back, as this CPU sees it.
Refusal ready_cpu(const manifest::Header& header);

// The lasting values of CR0 and CR4. On each CPU, before it goes to the resident part.
void set_control_registers();

} // namespace septum::kernel::boot
