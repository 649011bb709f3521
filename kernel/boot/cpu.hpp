// SPDX-License-Identifier: Apache-2.0
// What every CPU does for itself before launch.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// Sets the paging attributes and the local APIC as the sealed tables expect them, then checks the board's facts and
// that all planned memory is write-back, as this CPU sees it.
Refusal ready_cpu(const manifest::Header& header);

} // namespace septum::kernel::boot
