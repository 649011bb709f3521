// SPDX-License-Identifier: Apache-2.0
#include "build/tables/iommu.hpp"

#include "build/tables/amdvi.hpp"
#include "build/tables/vtd.hpp"

#include <algorithm>

namespace septum::build {

std::vector<std::size_t> dma_partitions(const Plan& plan) {
    std::vector<std::size_t> partitions;
    for (const auto& device : plan.devices) {
        if (partitions.empty() || partitions.back() != device.partition) {
            partitions.push_back(device.partition);
        }
    }
    return partitions;
}

std::vector<Mapping> dma_mappings(const PlannedPartition& partition, std::uint64_t leaf) {
    std::vector<Mapping> mappings;
    for (const auto& region : partition.regions) {
        if (region.kind == manifest::RegionKind::ram) {
            mappings.push_back({region.gpa.value, region.hpa.value, region.size, leaf});
        }
    }
    std::sort(mappings.begin(), mappings.end(), [](const Mapping& a, const Mapping& b) { return a.from < b.from; });
    return mappings;
}

IommuSizes iommu_sizes(const Plan& plan, const config::Board& board) {
    switch (board.iommu.kind) {
    case config::BoardIommu::vt_d:
        return vtd_sizes(plan, board);
    case config::BoardIommu::amd_vi:
        return amdvi_sizes(plan, board);
    case config::BoardIommu::none:
        break;
    }
    return {};
}

manifest::Iommu iommu_record(const Plan& plan, const config::Board& board, IommuPlaces places) {
    manifest::Iommu record{};
    switch (board.iommu.kind) {
    case config::BoardIommu::vt_d:
        record = vtd_record(plan, board, places);
        break;
    case config::BoardIommu::amd_vi:
        record = amdvi_record(board, places);
        break;
    case config::BoardIommu::none:
        return record;
    }
    record.registers = Hpa{board.iommu.registers.value};
    record.fault_apic_id = plan.fault_apic_id;
    record.queue = plan.iommu_block + layout::IommuBlock::kQueue;
    record.log = plan.iommu_block + layout::IommuBlock::kLog;
    static_assert(layout::IommuBlock::kCompletion == layout::IommuBlock::kLog + kPageSize);
    return record;
}

std::vector<Hpa> device_interrupt_tables(const Plan& plan, const config::Board& board, IommuPlaces places) {
    if (board.iommu.kind == config::BoardIommu::amd_vi) {
        return amdvi_interrupt_tables(plan, board, places);
    }
    return std::vector<Hpa>(plan.devices.size());
}

void write_iommu_tables(const Plan& plan, const config::Board& board, IommuPlaces places, ByteSpan written,
                        ByteSpan sealed) {
    switch (board.iommu.kind) {
    case config::BoardIommu::vt_d:
        write_vtd_tables(plan, board, places, written, sealed);
        break;
    case config::BoardIommu::amd_vi:
        write_amdvi_tables(plan, board, places, written, sealed);
        break;
    case config::BoardIommu::none:
        break;
    }
}

} // namespace septum::build
