// SPDX-License-Identifier: Apache-2.0
// Every PCI function within reach of CF8/CFC (PCI 3.0 §3.2.2.3.2): found, and kept from starting transfers.
#pragma once

#include "kernel/boot/pci_set.hpp"

namespace septum::kernel::boot {

struct PciFound {
    PciFunction functions[kMaxPciFunctions];
    u32 count = 0;
};

// Asks all 256 buses, turns bus mastering off wherever it is on, and notes what is there.
Refusal silence_pci(PciFound& found);

} // namespace septum::kernel::boot
