// SPDX-License-Identifier: Apache-2.0
#include "cli/memory_map.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace septum::cli {
namespace {

using Row = std::vector<std::string>;

// Columns as wide as their widest cell; the last one is not padded.
std::string table(const std::vector<Row>& rows, bool color) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); i++)
            widths[i] = std::max(widths[i], row[i].size());
    std::string text;
    for (const auto& row : rows) {
        const bool heading = &row == &rows.front();
        text += heading && color ? "\x1b[1m  " : "  ";
        for (std::size_t i = 0; i < row.size(); i++)
            text += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
        while (!text.empty() && text.back() == ' ')
            text.pop_back();
        text += heading && color ? "\x1b[0m\n" : "\n";
    }
    return text;
}

std::string seen_by(const build::Plan& plan, const build::NamedRange& entry) {
    for (const auto& partition : plan.partitions)
        for (const auto& region : partition.regions)
            if (region.kind == manifest::RegionKind::ram && region.hpa == entry.range.base)
                return fmt::format("`{}` rwx at {:#x}", partition.name, region.gpa.value);
    for (const auto& channel : plan.channels)
        if (channel.memory.base == entry.range.base)
            return fmt::format("`{}` rw- at {:#x}, `{}` r-- at {:#x}", plan.partitions[channel.writer].name,
                               channel.writer_gpa.value, plan.partitions[channel.reader].name,
                               channel.reader_gpa.value);
    std::string readers; // of the event log
    for (const auto& partition : plan.partitions)
        for (const auto& region : partition.regions)
            if (region.kind == manifest::RegionKind::event_log && region.hpa == entry.range.base)
                readers +=
                    fmt::format("{}`{}` r-- at {:#x}", readers.empty() ? "" : ", ", partition.name, region.gpa.value);
    return readers.empty() ? "kernel only" : readers;
}

} // namespace

std::string memory_map(const build::Plan& plan, bool color) {
    const auto ranges = build::planned_ranges(plan);
    std::uint64_t highest = 0;
    for (const auto& entry : ranges)
        highest = std::max(highest, entry.range.base.value + entry.range.size);
    const auto digits = std::max<std::size_t>(8, fmt::format("{:x}", highest).size());
    const auto address = [&](std::uint64_t value) { return fmt::format("0x{:0{}x}", value, digits); };

    std::vector<Row> memory = {{"from", "to", "size", "what", "seen by"}};
    std::uint64_t sum = 0;
    for (const auto& entry : ranges) {
        const auto base = entry.range.base.value;
        memory.push_back({address(base), address(base + entry.range.size), build::format_size(entry.range.size),
                          entry.what, seen_by(plan, entry)});
        sum += entry.range.size;
    }
    std::vector<Row> cpus = {{"cpu", "apic id", "partition", "its cpu"}};
    for (const auto& cpu : plan.cpus) {
        const bool idle = cpu.partition == manifest::kNobody;
        cpus.push_back({std::to_string(cpu.board_cpu), std::to_string(cpu.apic_id),
                        idle ? "(idle)" : plan.partitions[cpu.partition].name, idle ? "" : std::to_string(cpu.vcpu)});
    }
    return fmt::format("`{}` on board `{}`\n\nmemory: {:.1f} MiB in all\n{}\ncpus:\n{}", plan.name, plan.board,
                       static_cast<double>(sum) / 1048576.0, table(memory, color), table(cpus, color));
}

} // namespace septum::cli
