// SPDX-License-Identifier: Apache-2.0
// The I/O permission map, APM 2 §15.10.1: bit N of the map stands for port N; the third page is for accesses that
// reach beyond port 0xFFFF.
#include "build/tables/permission_maps.hpp"

#include <algorithm>

namespace septum::build {

void write_iopm(const config::Partition& partition, ByteSpan out) {
    std::fill(out.begin(), out.end(), std::uint8_t{0xFF});
    const std::size_t ranges = std::min(partition.ports_first.size(), partition.ports_last.size());
    for (std::size_t i = 0; i < ranges; ++i) {
        for (unsigned port = partition.ports_first[i].value; port <= partition.ports_last[i].value; ++port) {
            const auto bit = static_cast<std::uint8_t>(1U << (port % 8));
            store8(out, port / 8, static_cast<std::uint8_t>(out[port / 8] & ~bit));
        }
    }
}

} // namespace septum::build
