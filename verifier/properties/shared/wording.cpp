// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

std::string address(std::uint64_t value) {
    return fmt::format("{:#x}", value);
}

std::string range(std::uint64_t first, std::uint64_t end) {
    return fmt::format("{:#x}..{:#x}", first, end);
}

std::string bytes_text(std::uint64_t size) {
    constexpr struct {
        std::uint64_t unit;
        const char* name;
    } kUnits[] = {{kGiB, "GiB"}, {kMiB, "MiB"}, {kKiB, "KiB"}};
    for (const auto& [unit, name] : kUnits) {
        if (size >= unit && size % unit == 0) {
            return fmt::format("{} {}", size / unit, name);
        }
    }
    return fmt::format("{} byte{}", size, size == 1 ? "" : "s");
}

std::string access_text(std::uint8_t access) {
    return fmt::format("{}{}{}", (access & manifest::kRead) != 0 ? 'r' : '-',
                       (access & manifest::kWrite) != 0 ? 'w' : '-', (access & manifest::kExecute) != 0 ? 'x' : '-');
}

std::string ports_text(std::uint32_t first, std::uint32_t last) {
    return first == last ? fmt::format("{:#x}", first) : fmt::format("{:#x}..{:#x}", first, last);
}

std::string port_words(std::uint32_t first, std::uint32_t last) {
    return (first == last ? "port " : "ports ") + ports_text(first, last);
}

std::string requester_text(std::uint32_t id) {
    return fmt::format("{:02x}:{:02x}.{}", id >> 8, (id >> 3) & 0x1F, id & 7);
}

std::string ticked(const std::string& name) {
    return '`' + name + '`';
}

std::string partition_name(const config::Model& model, std::uint32_t index) {
    return index < model.partitions.size() ? ticked(model.partitions[index].name.value)
                                           : fmt::format("partition {}", index);
}

std::string grant_text(const config::Model& model, std::uint32_t partition, const Grant& grant) {
    if (grant.kind == manifest::RegionKind::ram) {
        return "the RAM of " + partition_name(model, partition);
    }
    if (grant.kind == manifest::RegionKind::device) {
        return fmt::format("{} of {}", grant.device, partition_name(model, partition));
    }
    if (grant.kind == manifest::RegionKind::event_log) {
        return "the event log as seen by " + partition_name(model, partition);
    }
    return fmt::format("channel `{}` of {}", model.channels[grant.channel].name.value,
                       partition_name(model, partition));
}

} // namespace septum::verifier
