// SPDX-License-Identifier: Apache-2.0
// Intel VT-d (Virtualization Technology for Directed I/O, revision 4.1): all translation and all interrupt remapping
// on, from the first moment with nothing let through, then with the sealed tables.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::iommu {

// What the unit says of itself.
struct VtdIdentity {
    u64 version;    // VER_REG (§11.4.1)
    u64 capability; // CAP_REG (§11.4.2)
    u64 extended;   // ECAP_REG (§11.4.3)
};

// The unit is the one the board states, and can do what we need: queued invalidation and interrupt remapping. Pure.
boot::Refusal check_identity(const manifest::Iommu& expected, const VtdIdentity& found);

// Turns the unit on so that no request of any device passes, and no interrupt. Uses boot memory for its tables.
boot::Refusal block_all(const manifest::Iommu& iommu);

// Goes over to the sealed tables, without letting anything through in between, and to the queue that the resident part uses.
boot::Refusal use_sealed_tables(const manifest::Header& header);

} // namespace septum::kernel::iommu
