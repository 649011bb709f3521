// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/event_log.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/percpu.hpp"
#include "kernel/resident.hpp"

namespace septum::kernel::lifecycle {

namespace {

constinit u32 log_lock = 0;
constinit u64 newest = 0; // the kernel's own count: what lies in the log is not read back

constexpr u32 kMaxWait = 100'000; // polls; a holder does a dozen stores

} // namespace

void log_event(guest::EventKind kind, u16 partition, u32 detail, u64 a, u64 b) {
    const manifest::Header& header = *boot_facts.manifest;
    const manifest::Range& place = header.event_log;
    if (place.size == 0) {
        return;
    }
    for (u32 polls = 0; __atomic_exchange_n(&log_lock, 1u, __ATOMIC_ACQUIRE) != 0; polls++) {
        if (polls == kMaxWait) {
            return;
        }
        hw::pause();
    }
    auto& log = *hw::at<guest::EventLog>(place.base);
    auto& event = (hw::at<guest::Event>(place.base) + 1)[newest % event_capacity(place)];
    newest++;
    __atomic_store_n(&event.sequence, 0ULL, __ATOMIC_RELEASE); // not whole until the sequence is written again
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    event.tsc = hw::read_tsc();
    event.kind = kind;
    event.partition = partition;
    event.detail = detail;
    event.a = a;
    event.b = b;
    const manifest::Partition* named = records<manifest::Partition>(header, header.partitions).at(partition);
    for (u32 i = 0; i < sizeof(event.name); i++) {
        event.name[i] = named != nullptr && i + 1 < sizeof(event.name) ? named->name[i] : '\0';
    }
    __atomic_store_n(&event.sequence, newest, __ATOMIC_RELEASE);
    __atomic_store_n(&log.last, newest, __ATOMIC_RELEASE);
    __atomic_store_n(&log_lock, 0u, __ATOMIC_RELEASE);
}

} // namespace septum::kernel::lifecycle
