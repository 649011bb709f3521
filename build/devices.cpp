// SPDX-License-Identifier: Apache-2.0
#include "build/devices.hpp"

#include "build/records.hpp"
#include "build/tables/pci_rules.hpp"

#include <algorithm>

namespace septum::build {
namespace {

manifest::Device host_bridge(std::uint16_t partition, ManifestParts& parts) {
    manifest::Device record{};
    set_name(record.name, "host-bridge");
    record.bdf = manifest::kNobody;
    record.partition = partition;
    record.bridge = manifest::kNobody;
    record.msix_bar = ~0U;
    record.registers = append(parts.pci_registers, host_bridge_registers());
    record.bars.first = static_cast<std::uint32_t>(parts.bars.size());
    return record;
}

manifest::Device gather_device(const Plan& plan, const config::Board& board, const PlannedDevice& planned,
                               std::uint16_t number, Hpa interrupt_table, ManifestParts& parts) {
    const config::BoardPciFunction& function = board.pci[planned.function];
    const ResetWay reset = reset_way(function, board);
    manifest::Device record{};
    set_name(record.name, planned.name);
    record.bdf = planned.bdf;
    record.virtual_bdf = planned.virtual_bdf;
    record.partition = planned.partition;
    record.domain = planned.domain;
    record.reset = reset.kind;
    record.reset_at = reset.at;
    record.bridge = reset.bridge;
    record.msix_at = function.msix.at;
    record.msi_at = function.msix.at != 0 ? std::uint8_t{0} : function.msi.at;
    if (record.msi_at != 0) {
        record.msi_flags = static_cast<std::uint8_t>((function.msi.is_64 ? manifest::kMsi64 : 0) |
                                                     (function.msi.maskable ? manifest::kMsiMaskable : 0));
    }
    record.first_handle = planned.first_handle;
    record.handles = planned.handles;
    record.msix_bar = ~0U;
    record.interrupt_table = interrupt_table;
    record.block = planned.block;
    const bool multi_function =
        std::count_if(plan.devices.begin(), plan.devices.end(), [&planned](const PlannedDevice& other) {
            return other.partition == planned.partition && other.virtual_bdf >> 3U == planned.virtual_bdf >> 3U;
        }) > 1;
    record.registers = append(parts.pci_registers, pci_registers(function, multi_function));
    std::vector<manifest::Bar> bars;
    for (std::size_t i = 0; i < planned.bars.size(); ++i) {
        const config::BoardBar& declared = function.bars[i]; // both by number
        manifest::Bar bar{};
        bar.device = number;
        bar.number = declared.number;
        bar.flags = static_cast<std::uint8_t>((declared.is_64 ? manifest::kBar64 : 0) |
                                              (declared.prefetchable ? manifest::kBarPrefetchable : 0));
        bar.gpa = planned.bars[i].gpa;
        bar.memory = planned.bars[i].memory;
        if (function.msix.at != 0 && function.msix.table_bar == declared.number) {
            record.msix_bar = static_cast<std::uint32_t>(parts.bars.size() + i);
            record.msix_offset = function.msix.table_offset;
            record.msix_entries = function.msix.entries;
        }
        bars.push_back(bar);
    }
    record.bars = append(parts.bars, bars);
    return record;
}

} // namespace

manifest::Slice device_slice(const Plan& plan, std::size_t p) {
    const auto records_of = [&plan](std::size_t partition) {
        const auto owned =
            std::count_if(plan.devices.begin(), plan.devices.end(),
                          [partition](const PlannedDevice& device) { return device.partition == partition; });
        return static_cast<std::uint32_t>(owned) + (plan.partitions[partition].pci_bus ? 1U : 0U);
    };
    manifest::Slice slice{};
    slice.count = records_of(p);
    for (std::size_t before = 0; slice.count != 0 && before < p; ++before) {
        slice.first += records_of(before);
    }
    return slice;
}

void gather_devices(const Plan& plan, const config::Board& board, const std::vector<Hpa>& interrupt_tables,
                    ManifestParts& parts) {
    std::size_t d = 0; // by partition
    for (std::size_t p = 0; p < plan.partitions.size(); ++p) {
        if (plan.partitions[p].pci_bus) {
            parts.devices.push_back(host_bridge(static_cast<std::uint16_t>(p), parts));
        }
        for (; d < plan.devices.size() && plan.devices[d].partition == p; ++d) {
            const auto number = static_cast<std::uint16_t>(parts.devices.size());
            parts.devices.push_back(gather_device(plan, board, plan.devices[d], number, interrupt_tables[d], parts));
        }
    }
    parts.bridges = bridge_records(board);
}

} // namespace septum::build
