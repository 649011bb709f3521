// SPDX-License-Identifier: Apache-2.0
// Configuration space by mechanism #1 (PCI 3.0 §3.2.2.3.2). The address and data ports are one place for the whole machine,
// so that every access of the resident kernel goes through these, one at a time. Each is two port accesses long.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::hw {

// `bdf`: bus << 8 | device << 3 | function. `width`: 1, 2 or 4 bytes at `offset`, below 256, inside one doubleword. A word at an
// odd byte is read with its doubleword and written by bytes: a host bridge takes it whole, but QEMU's does not (docs/emulators.md).
u32 pci_read(u32 bdf, u32 offset, u32 width);
void pci_write(u32 bdf, u32 offset, u32 width, u32 value);

// Of what is there, the bits of `mask` become those of `value`: read and written in one go.
void pci_change(u32 bdf, u32 offset, u32 width, u32 mask, u32 value);

// Offset of the capability `id` (PCI 3.0 §6.7), 0: the function has none.
u32 pci_find_capability(u32 bdf, u32 id);

} // namespace septum::kernel::hw
