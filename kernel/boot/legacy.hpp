// SPDX-License-Identifier: Apache-2.0
// The interrupt controllers of the PC that nobody here uses.
#pragma once

namespace septum::kernel::boot {

// Masks both 8259s and every redirection entry of the first I/O APIC.
void mask_legacy_interrupts();

} // namespace septum::kernel::boot
