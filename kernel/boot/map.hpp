// SPDX-License-Identifier: Apache-2.0
// The boot page tables: one to one, the first 4 GiB by entry.S, more where the plan asks for it.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// Makes `range` reachable. At most eight gigabytes beyond the first four, none above 512 GiB.
Refusal map(const char* what, const manifest::Range& range);

} // namespace septum::kernel::boot
