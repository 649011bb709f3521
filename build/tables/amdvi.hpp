// SPDX-License-Identifier: Apache-2.0
// AMD I/O Virtualization: the device table, host page tables, a device's own interrupt table.
#pragma once

#include "build/tables/iommu.hpp"

namespace septum::build {

inline constexpr std::uint64_t kAmdviDeviceTableSize = 2 * kMiB; // 65,536 entries of 32 bytes (AMD IOMMU §2.2.2)

// Written at run time: the device table, then the interrupt table of each device that has interrupts. Sealed: a page
// table that maps nothing, then the page tables of each partition with devices.
[[nodiscard]] IommuSizes amdvi_sizes(const Plan& plan, const config::Board& board);
[[nodiscard]] manifest::Iommu amdvi_record(const config::Board& board, IommuPlaces places);
[[nodiscard]] std::vector<Hpa> amdvi_interrupt_tables(const Plan& plan, const config::Board& board, IommuPlaces places);

// All 65,536 entries are valid (V = TV = IV = 1), since one that is not valid lets its requests through. Those without
// an owner have no rights, point at the page table that maps nothing, and abort all interrupts.
void write_amdvi_tables(const Plan& plan, const config::Board& board, IommuPlaces places, ByteSpan written,
                        ByteSpan sealed);

} // namespace septum::build
