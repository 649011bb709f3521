// SPDX-License-Identifier: Apache-2.0
// The bundle's part that is about PCI: tables, slices, places. Asked before anything of it is used.
#pragma once

#include <septum/manifest/manifest.hpp>

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// After the check of all that is not about PCI: partitions, regions and the kernel's places hold.
Refusal check_devices(const manifest::Header& header);

} // namespace septum::kernel::boot
