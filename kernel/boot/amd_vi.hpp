// SPDX-License-Identifier: Apache-2.0
// AMD-Vi (AMD I/O Virtualization Technology Specification, 48882) at boot: on from the first moment with nothing let through,
// then with the sealed tables.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::iommu::amd_vi {

// What the unit says of itself, in its PCI function and in its registers.
struct Identity {
    u32 capability; // header of the IOMMU capability (§3.2.1); 0: the function has none
    u64 base;       // where its registers are (§3.2.2, §3.2.3), without the enable bit
    bool has_msi;   // by which its events are told
    u64 features;   // extended features (MMIO 0x30)
};

// The unit is the one the board states, and can do what we need. Pure.
boot::Refusal check_identity(const manifest::Iommu& expected, const Identity& found);

// Turns the unit on so that no request of any device passes, and no interrupt. `table` is 2 MiB of mapped memory for a
// device table in which nobody has a right; the unit reads it until the sealed tables are in use.
boot::Refusal block_all(const manifest::Header& header, Hpa table);

// Goes over to the sealed device table, to the command buffer that the resident part uses, and to an empty event log.
boot::Refusal use_sealed_tables(const manifest::Header& header);

} // namespace septum::kernel::iommu::amd_vi
