// SPDX-License-Identifier: Apache-2.0
// The running kernel as the linker laid it out (kernel/linker.ld).
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// [first byte, end rounded up to pages), .bss and boot part included.
manifest::Range kernel_range();

// The resident read-only segments as they lie in memory have the digest that the manifest states.
Refusal check_kernel(const manifest::Digest& expected);

} // namespace septum::kernel::boot
