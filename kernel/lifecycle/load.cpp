// SPDX-License-Identifier: Apache-2.0
#include "kernel/hw/memory.hpp"
#include "kernel/lifecycle/lifecycle.hpp"
#include "kernel/lifecycle/sha256.hpp"

namespace septum::kernel::lifecycle {

void load(PerCpu& cpu) {
    const manifest::Header& header = *cpu.header;
    const manifest::Partition& partition = *cpu.manifest.partition;
    const auto regions = records<manifest::Region>(header, header.regions, partition.regions);
    for (u32 i = 0; i < regions.count; i++) {
        const manifest::Region& region = regions.first[i];
        if (region.kind == manifest::RegionKind::ram) {
            hw::scrub(region.hpa, region.size);
        }
    }
    const auto payloads = records<manifest::Payload>(header, header.payloads, partition.payloads);
    Sha256 hash;
    for (u32 i = 0; i < payloads.count; i++) {
        const manifest::Payload& payload = payloads.first[i];
        memcpy(hw::at<void>(payload.hpa), hw::at<const void>(header.bundle_base + payload.offset), payload.size);
        hash.update(hw::at<const u8>(payload.hpa), payload.size);
    }
    const manifest::Digest digest = hash.finish();
    if (!(digest == partition.payload_digest)) {
        Line line;
        line << "septum: refused: payload digest of " << partition.name << ": expected ";
        line.digest(partition.payload_digest) << ", found ";
        line.digest(digest);
        halt_system(line);
    }
}

} // namespace septum::kernel::lifecycle
