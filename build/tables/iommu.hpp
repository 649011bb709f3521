// SPDX-License-Identifier: Apache-2.0
// The tables of the board's IOMMU, whichever kind it is. Two stretches of the sealed tables: what the kernel writes at
// run time (interrupt tables; VT-d context tables, AMD-Vi device table), and what never changes.
#pragma once

#include "build/plan/plan.hpp"
#include "build/tables/bytes.hpp"
#include "build/tables/page_tables.hpp"
#include "config/model.hpp"

#include <septum/manifest/layout.hpp>
#include <septum/manifest/manifest.hpp>

#include <vector>

namespace septum::build {

// Bytes, whole pages. Both 0 for a board without a unit.
struct IommuSizes {
    std::uint64_t written = 0;
    std::uint64_t sealed = 0;
};
[[nodiscard]] IommuSizes iommu_sizes(const Plan& plan, const config::Board& board);

// Where both stretches will lie.
struct IommuPlaces {
    Hpa written;
    Hpa sealed;
};

// What the kernel expects of the unit, and where its tables lie. All zeros for a board without one.
[[nodiscard]] manifest::Iommu iommu_record(const Plan& plan, const config::Board& board, IommuPlaces places);

// AMD-Vi: where each device's own interrupt table lies, in the plan's order. VT-d: zeros.
[[nodiscard]] std::vector<Hpa> device_interrupt_tables(const Plan& plan, const config::Board& board,
                                                       IommuPlaces places);

// Writes both stretches, iommu_sizes() zeroed bytes each.
void write_iommu_tables(const Plan& plan, const config::Board& board, IommuPlaces places, ByteSpan written,
                        ByteSpan sealed);

// What the devices of a partition reach: its RAM at the addresses it has for the guest itself, and nothing else.
[[nodiscard]] std::vector<Mapping> dma_mappings(const PlannedPartition& partition, std::uint64_t leaf);

// Partitions that own a device, in order.
[[nodiscard]] std::vector<std::size_t> dma_partitions(const Plan& plan);

} // namespace septum::build
