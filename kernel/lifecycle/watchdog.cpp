// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/watchdog.hpp"

#include "kernel/hw/mmio.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/lifecycle/event_log.hpp"
#include "kernel/lifecycle/lifecycle.hpp"

namespace septum::kernel::lifecycle {

namespace {

constexpr u64 kConfiguration = 0x10; // HPET 1.0a §2.3.5
constexpr u64 kEnable = 1;           // the main counter runs

// What the CPU that watches, and only it, has seen of each partition.
struct Seen {
    u64 at;       // when a heartbeat was last found new; 0: the partition did not run
    u32 beats;
    u32 launches;
};
constinit Seen seen[manifest::kMaxPartitions] = {};

void miss(const manifest::Header& header, u32 index, u64 silent_ms) {
    const manifest::Partition& partition = records<manifest::Partition>(header, header.partitions).first[index];
    constexpr auto kCause = manifest::Cause::watchdog;
    log_event(guest::EventKind::heartbeat_missed, static_cast<u16>(index), static_cast<u32>(kCause), silent_ms, 0);
    Line line;
    line << "septum: " << partition.name << ": fault: no heartbeat for " << silent_ms << " ms, promised every "
         << u64{partition.heartbeat_ms} << " ms";
    if (partition.on[static_cast<u32>(kCause)] == manifest::OnFault::halt_system) {
        line << ": system halted";
        halt_system(line);
    }
    line.send();
    begin_closing(header, index, kCause);
}

} // namespace

void start_watchdog(const manifest::Header& header) {
    if (header.watchdog.kind == manifest::WatchdogKind::hpet) {
        const Hpa place = header.watchdog.registers + kConfiguration;
        hw::mmio_write32(place, hw::mmio_read32(place) | kEnable);
    }
}

void look_at_heartbeats(const PerCpu& cpu) {
    const manifest::Header& header = *cpu.header;
    if (header.watchdog.kind == manifest::WatchdogKind::none || cpu.cpu->apic_id != header.watchdog.apic_id) {
        return;
    }
    const u64 now = hw::read_tsc();
    const auto partitions = records<manifest::Partition>(header, header.partitions);
    for (u32 i = 0; i < partitions.count && i < manifest::kMaxPartitions; i++) {
        const u32 promised_ms = partitions.first[i].heartbeat_ms;
        core::PartitionState& state = state_of(partitions.first[i]);
        Seen& last = seen[i];
        if (promised_ms == 0) {
            continue;
        }
        const u32 beats = __atomic_load_n(&state.heartbeats, __ATOMIC_ACQUIRE);
        const u32 launches = __atomic_load_n(&state.launches, __ATOMIC_ACQUIRE);
        if (__atomic_load_n(&state.phase, __ATOMIC_ACQUIRE) != core::kRunning) {
            last.at = 0;
        } else if (last.at == 0 || beats != last.beats || launches != last.launches) {
            last = {now, beats, launches};
        } else if (const u64 per_ms = cpu.manifest.tsc_hz / 1000; now - last.at > promised_ms * per_ms) {
            miss(header, i, (now - last.at) / per_ms + 1); // rounded up: what is said is more than what was promised
        }
    }
}

} // namespace septum::kernel::lifecycle
