// SPDX-License-Identifier: Apache-2.0
// The IDT of the kernel that stays.
#pragma once

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::boot {

// Fills the one IDT all CPUs share. Once, before any CPU goes to the resident part, which loads it.
void fill_idt(manifest::ApicMode mode);

} // namespace septum::kernel::boot
