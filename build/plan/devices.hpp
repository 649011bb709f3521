// SPDX-License-Identifier: Apache-2.0
// Devices in the plan: who owns which function, where its owner sees it, and what of the IOMMU is its own.
#pragma once

#include "build/plan/plan.hpp"

#include <cstdint>
#include <vector>

namespace septum::build {

// Whether a partition sees a PCI bus: every one that boots as a PC does, since its kernel would miss one, and a native
// one that owns a device.
[[nodiscard]] bool has_pci_bus(const config::Partition& partition);

// Bytes of the kernel's workspace for devices and the IOMMU.
[[nodiscard]] std::uint64_t device_workspace(const config::Model& model);

// Says what cannot be planned: a device of two partitions, one that cannot be reset in a partition that is restarted,
// more of them than the manifest holds.
void check_devices(const config::Model& model, std::vector<config::Diagnostic>& diagnostics);

// Fills in `plan.devices`, their regions, the IOMMU's place and the CPU that faults reach. Takes the blocks from `next`
// on. CPUs and partitions were planned before.
void place_devices(Plan& plan, const config::Model& model, Hpa& next, std::vector<config::Diagnostic>& diagnostics);

// The pages of a BAR that hold the MSI-X table: [first, first + size) in bytes from its start, whole pages; size 0 when
// the table is in another BAR. Its owner does not reach them, the kernel does.
struct TablePages {
    std::uint64_t first = 0;
    std::uint64_t size = 0;
};
[[nodiscard]] TablePages msix_pages(const config::BoardPciFunction& function, std::uint8_t bar);

// Entries of the interrupt table that a device has: MSI-X entries as its owner sees them, or MSI vectors. A function
// with both is shown with MSI-X only.
[[nodiscard]] std::uint32_t interrupt_handles(const config::BoardPciFunction& function);

} // namespace septum::build
