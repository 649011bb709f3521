// SPDX-License-Identifier: Apache-2.0
// What the resident kernel asks of the IOMMU, whichever kind the board has. Each call takes the unit's lock, waits a bounded
// time for the unit, and stops the system with a line when it does not answer.
#pragma once

#include "kernel/core/effects.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::iommu {

// What a device writes to raise an entry: address and data for its MSI or MSI-X registers; the address has no upper half (VT-d
// §5.1.2.2: remappable format, SHV set for the index of a group: address for the group's first handle; AMD IOMMU §2.2.5.1: data
// is the index).
struct Message {
    u32 address;
    u32 data;
};

// Makes interrupt entry `index` (0 .. device.handles - 1) of `device` deliver as `route` says, fixed and physical, or deliver
// nothing. Invalidates what the unit remembers of it. Gives what raises it. An index outside the device's entries does nothing.
Message remap(const manifest::Header& header, const manifest::Device& device, u32 index, core::Route route);

// Blocks all DMA and all interrupts of a device, and lets them through again (a restart of its partition). Invalidates.
void block(const manifest::Header& header, const manifest::Device& device);
void unblock(const manifest::Header& header, const manifest::Device& device);

// From now on fault events reach the CPU `header.iommu.fault_apic_id` as NMI. Called once, when that CPU can take one.
void listen(const manifest::Header& header);

// Reads the unit's fault log after an NMI on the CPU `header.iommu.fault_apic_id`; says each fault in a line.
void report_faults(const manifest::Header& header);

} // namespace septum::kernel::iommu
