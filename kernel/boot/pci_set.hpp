// SPDX-License-Identifier: Apache-2.0
// Whether the PCI functions on the machine are exactly those the board states.
#pragma once

#include "kernel/boot/bytes.hpp"
#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

struct PciFunction {
    u32 bdf; // bus << 8 | device << 3 | function
    u32 id;  // device id << 16 | vendor id
};

inline constexpr u32 kMaxPciFunctions = 256;

// Names the first function that is missing, is another one, or is not declared.
Refusal check_pci_set(const Records<manifest::Fact>& facts, const Records<PciFunction>& found);

} // namespace septum::kernel::boot
