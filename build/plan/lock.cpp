// SPDX-License-Identifier: Apache-2.0
// septum.lock: one fact a line, so that a diff shows exactly what moved.
#include "build/plan/plan.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace septum::build {
namespace {

std::string wide(std::uint64_t address) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "0x%010llx", static_cast<unsigned long long>(address));
    return text.data();
}

std::string span_of(std::uint64_t base, std::uint64_t size) {
    return wide(base) + ".." + wide(base + size);
}

// `01:00.0`.
std::string bdf_of(std::uint16_t bdf) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%02x:%02x.%x", static_cast<unsigned>(bdf >> 8U),
                  static_cast<unsigned>(bdf >> 3U & 31U), static_cast<unsigned>(bdf & 7U));
    return text.data();
}

// What a region of a BAR belongs to; `object` counts the BARs of all devices.
std::string bar_of(const Plan& plan, std::uint32_t object) {
    for (const auto& device : plan.devices) {
        if (object < device.bars.size()) {
            return "bar " + std::to_string(device.bars[object].number) + " of `" + device.name + "`";
        }
        object -= static_cast<std::uint32_t>(device.bars.size());
    }
    return "bar";
}

std::string what_of(const Plan& plan, const manifest::Region& region) {
    switch (region.kind) {
    case manifest::RegionKind::channel_send:
    case manifest::RegionKind::channel_receive:
        return "channel `" + plan.channels[region.object].name + "`";
    case manifest::RegionKind::device:
        return bar_of(plan, region.object);
    case manifest::RegionKind::event_log:
        return "event log";
    case manifest::RegionKind::ram:
        break;
    }
    return "ram";
}

std::string access_of(std::uint8_t access) {
    std::string text;
    text += (access & manifest::kRead) != 0 ? 'r' : '-';
    text += (access & manifest::kWrite) != 0 ? 'w' : '-';
    text += (access & manifest::kExecute) != 0 ? 'x' : '-';
    return text;
}

} // namespace

std::vector<NamedRange> planned_ranges(const Plan& plan) {
    std::vector<NamedRange> ranges;
    ranges.push_back({plan.kernel, "kernel"});
    ranges.push_back({plan.workspace, "workspace"});
    if (plan.bundle.size != 0) {
        ranges.push_back({plan.bundle, "bundle"});
    }
    for (const auto& partition : plan.partitions) {
        ranges.push_back({partition.ram, "ram of `" + partition.name + "`"});
    }
    for (const auto& channel : plan.channels) {
        ranges.push_back({channel.memory, "channel `" + channel.name + "`"});
    }
    if (plan.event_log.size != 0) {
        ranges.push_back({plan.event_log, "event log"});
    }
    ranges.push_back({{plan.crash_record, kPageSize}, "crash record"});
    std::sort(ranges.begin(), ranges.end(),
              [](const NamedRange& a, const NamedRange& b) { return a.range.base < b.range.base; });
    return ranges;
}

std::string lock_text(const Plan& plan) {
    std::string text = "# septum.lock: where everything lies. Written by the planner; keep it under version control.\n"
                       "version 1\n";
    text += "appliance " + plan.name + "\n";
    text += "board " + plan.board + "\n";
    text += "trampoline " + wide(plan.trampoline.value) + "\n";

    text += "\n# host-physical memory\n";
    for (const auto& each : planned_ranges(plan)) {
        text += "memory " + span_of(each.range.base.value, each.range.size) + " " + each.what + ", " +
                format_size(each.range.size) + "\n";
    }

    text += "\n# cpus: number on the board, APIC id, owner\n";
    auto cpus = plan.cpus;
    std::sort(cpus.begin(), cpus.end(),
              [](const PlannedCpu& a, const PlannedCpu& b) { return a.board_cpu < b.board_cpu; });
    for (const auto& cpu : cpus) {
        const std::string owner = cpu.partition == manifest::kNobody ? "nobody"
                                                                     : "`" + plan.partitions[cpu.partition].name +
                                                                           "` vcpu " + std::to_string(cpu.vcpu);
        text += "cpu " + std::to_string(cpu.board_cpu) + " apic " + std::to_string(cpu.apic_id) + " " + owner +
                " block " + wide(cpu.block.value) + "\n";
    }

    text += "\n# partitions: what each one reaches\n";
    for (const auto& partition : plan.partitions) {
        text += "partition `" + partition.name + "` asid " + std::to_string(partition.asid) + " block " +
                wide(partition.block.value) + "\n";
        for (const auto& region : partition.regions) {
            text += "region `" + partition.name + "` guest " + span_of(region.gpa.value, region.size) + " host " +
                    wide(region.hpa.value) + " " + access_of(region.access) + " " + what_of(plan, region) + "\n";
        }
    }

    text += "\n# channels\n";
    for (const auto& channel : plan.channels) {
        text += "channel `" + channel.name + "` `" + plan.partitions[channel.writer].name + "` -> `" +
                plan.partitions[channel.reader].name + "` doorbell " +
                (!channel.doorbell     ? std::string("none")
                 : channel.vector == 0 ? std::string("polled")
                                       : "vector " + format_address(channel.vector) + " apic " +
                                             std::to_string(plan.cpus[channel.reader_cpu].apic_id)) +
                "\n";
    }

    if (plan.iommu_block.value != 0) {
        text += "\n# devices: place on the board and as the owner sees it\n";
        text += "iommu block " + wide(plan.iommu_block.value) + " faults to apic " +
                std::to_string(plan.fault_apic_id) + "\n";
    }
    for (const auto& device : plan.devices) {
        text += "device `" + device.name + "` " + bdf_of(device.bdf) + " `" + plan.partitions[device.partition].name +
                "` " + bdf_of(device.virtual_bdf) + " domain " + std::to_string(device.domain) + " interrupts " +
                std::to_string(device.first_handle) + "+" + std::to_string(device.handles) + " block " +
                wide(device.block.value) + "\n";
        for (const auto& bar : device.bars) {
            text += "bar " + std::to_string(bar.number) + " of `" + device.name + "` host " +
                    span_of(bar.memory.base.value, bar.memory.size) + " guest " + wide(bar.gpa.value) + "\n";
        }
    }
    return text;
}

} // namespace septum::build
