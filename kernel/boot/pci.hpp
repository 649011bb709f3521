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

// The facts that are bits of configuration space.
Refusal check_pci_facts(const manifest::Header& header);

// With the IOMMU on: every function closed, bridges and assigned functions as planned (pci_program.hpp).
Refusal program_pci(const manifest::Header& header, const PciFound& found);

} // namespace septum::kernel::boot
