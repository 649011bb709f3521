// SPDX-License-Identifier: Apache-2.0
// Whether planned memory is usable by the firmware's own word. BIOS and UEFI maps differ in how they cut usable
// memory into entries, so neighbours count as one.
#pragma once

#include "kernel/boot/multiboot.hpp"

namespace septum::kernel::boot {

// Every byte of `range` lies in an available entry, and in no entry of another type.
Refusal check_usable(const MemoryMap& map, const manifest::Range& range);

} // namespace septum::kernel::boot
