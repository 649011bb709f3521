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
            const std::string what = region.kind == manifest::RegionKind::ram ? "ram"
                                     : region.kind == manifest::RegionKind::event_log
                                         ? "event log"
                                         : "channel `" + plan.channels[region.object].name + "`";
            text += "region `" + partition.name + "` guest " + span_of(region.gpa.value, region.size) + " host " +
                    wide(region.hpa.value) + " " + access_of(region.access) + " " + what + "\n";
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
    return text;
}

} // namespace septum::build
