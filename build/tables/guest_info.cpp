// SPDX-License-Identifier: Apache-2.0
#include "build/tables/guest_info.hpp"

#include <algorithm>
#include <cstring>

namespace septum::build {
namespace {

template <std::size_t N>
void copy_name(char (&to)[N], const std::string& from) {
    std::memcpy(to, from.data(), std::min(from.size(), N - 1)); // the planner refused longer names
}

} // namespace

guest::Info guest_info(const Plan& plan, std::size_t index) {
    const auto& partition = plan.partitions[index];
    guest::Info info{};
    info.magic = guest::kInfoMagic;
    info.version = guest::kInfoVersion;
    info.cpu_count = partition.cpu_count;
    copy_name(info.name, partition.name);
    info.ram_size = partition.ram.size;
    for (std::size_t i = 0; i < partition.cpu_count; ++i) {
        info.apic_ids[i] = plan.cpus[partition.first_cpu + i].apic_id;
    }
    for (std::size_t i = 0; i < plan.channels.size(); ++i) {
        const auto& channel = plan.channels[i];
        const bool writes = channel.writer == index;
        if (!writes && channel.reader != index) {
            continue;
        }
        guest::InfoChannel& out = info.channels[info.channel_count++];
        copy_name(out.name, channel.name);
        copy_name(out.peer, plan.partitions[writes ? channel.reader : channel.writer].name);
        out.gpa = (writes ? channel.writer_gpa : channel.reader_gpa).value;
        out.size = channel.memory.size;
        out.index = static_cast<std::uint32_t>(i);
        out.direction = writes ? 1 : 2;
        out.doorbell = channel.doorbell ? 1 : 0;
        out.vector = writes ? std::uint8_t{0} : channel.vector;
    }
    return info;
}

} // namespace septum::build
