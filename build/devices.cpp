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
    manifest::Slice slice{};
    std::uint32_t records = 0;
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const bool first = d == 0 || plan.devices[d - 1].partition != plan.devices[d].partition;
        if (plan.devices[d].partition == p) {
            slice.first = slice.count == 0 ? records : slice.first;
            slice.count += first ? 2 : 1;
        }
        records += first ? 2 : 1;
    }
    return slice;
}

void gather_devices(const Plan& plan, const config::Board& board, const std::vector<Hpa>& interrupt_tables,
                    ManifestParts& parts) {
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const PlannedDevice& planned = plan.devices[d];
        if (d == 0 || plan.devices[d - 1].partition != planned.partition) {
            parts.devices.push_back(host_bridge(planned.partition, parts));
        }
        const auto number = static_cast<std::uint16_t>(parts.devices.size());
        parts.devices.push_back(gather_device(plan, board, planned, number, interrupt_tables[d], parts));
    }
    parts.bridges = bridge_records(board);
}

} // namespace septum::build
