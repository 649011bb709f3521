// SPDX-License-Identifier: Apache-2.0
// Bridges and assigned functions are put in the state that the plan rests on, and asked whether they are the ones it means.
// Called with the IOMMU on and all bus masters off.
#pragma once

#include "kernel/boot/bytes.hpp"
#include "kernel/boot/pci_set.hpp"
#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// How configuration space and memory are reached; tests have a machine of their own. `bdf`, `offset` and `width` as in
// kernel/hw/pci.hpp.
struct PciAccess {
    u32 (*read)(u32 bdf, u32 offset, u32 width);
    void (*write)(u32 bdf, u32 offset, u32 width, u32 value);
    u32 (*read_memory)(Hpa address);
    void (*write_memory)(Hpa address, u32 value);
};

// Every fact of kind pci_bits.
Refusal check_pci_bits(const Records<manifest::Fact>& facts, const PciAccess& access);

// Takes memory and I/O decoding and legacy interrupts from every function but the bridges and peripherals that the CPU itself
// needs (PCI classes 06, unless PCI to PCI, and 08): who is given something gets it back.
void close_functions(const Records<PciFunction>& found, const PciAccess& access);

// Bus numbers are asked, windows programmed and read back (PCI-to-PCI bridge 1.2 §3.2.5); then it decodes and forwards.
Refusal program_bridge(const manifest::Bridge& bridge, const PciAccess& access);

// Access Control Services (PCIe 6.0 §7.7.11), by configuration space in memory at `ecam`: what comes from below a port goes up,
// whatever it is for, and says truly who sent it.
Refusal turn_on_acs(const manifest::Bridge& bridge, Hpa ecam, const PciAccess& access);

// Base addresses, sizes and kinds are those planned, and no memory BAR is there that is not; MSI and MSI-X are where the
// manifest has them, off; decoding is off. `bars` are the device's.
Refusal program_device(const manifest::Device& device, const Records<manifest::Bar>& bars, const PciAccess& access);

// Masks every entry of its MSI-X table, which must be reachable as memory; decoding is on only meanwhile.
void mask_msix(const manifest::Device& device, const manifest::Bar& table, const PciAccess& access);

} // namespace septum::kernel::boot
