// SPDX-License-Identifier: Apache-2.0
// The IOMMU at boot, whichever kind the board has: everything blocked first, then the sealed tables.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::iommu {

// Maps the unit's registers and turns it on so that no request of any device passes, and no interrupt. `header` is the
// manifest as the loader left it inside `loaded`, checked. Without a unit this does nothing.
boot::Refusal block_everything(const manifest::Header& header, const manifest::Range& loaded);

// Goes over to the sealed tables, without letting anything through in between, and to the queue that the resident part
// uses. `header` is the manifest in its planned place.
boot::Refusal use_sealed(const manifest::Header& header);

// A place for `size` bytes (whole pages) in the memory of a partition, clear of `loaded`; 0: there is none. Nothing of
// a partition is loaded before launch, and all its memory is scrubbed then. Pure.
Hpa borrow_memory(const manifest::Region* regions, u32 count, const manifest::Range& loaded, u64 size);

} // namespace septum::kernel::iommu
