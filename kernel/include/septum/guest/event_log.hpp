// SPDX-License-Identifier: Apache-2.0
// The event log: a ring that the kernel alone writes, and that a partition reads where the file grants it. It tells of every
// partition, so it is a flow from all of them to its reader.
#pragma once

#include <septum/types.hpp>

namespace septum::guest {

inline constexpr u64 kEventLogMagic = 0x474f'4c54'4e45'5645ULL; // "EVENTLOG"

inline constexpr u64 kEventLogSize = u64{16} * 1024; // bytes: the head and 255 events

enum class EventKind : u16 {
    launched = 1,     // a: launches so far
    fault = 2,        // a: address, b: rip; cause in `detail`
    restarted = 3,    // a: counted restarts so far
    stopped = 4,
    dma_fault = 5,    // a: DMA address, b: requester id; `partition` owns it, or is 0xFFFF
    heartbeat_missed = 6,
    halted = 7,
};

struct Event {
    u64 sequence;   // 1, 2, 3 …; written last, with release: a reader that sees it twice the same has read a whole event
    u64 tsc;
    EventKind kind;
    u16 partition;  // manifest index, or 0xFFFF
    u32 detail;     // manifest::Cause, or 0
    u64 a;
    u64 b;
    char name[24];  // of the partition, cut
};
static_assert(sizeof(Event) == 64);

struct EventLog {
    u64 magic;
    u64 tsc_hz;
    u64 capacity;   // events in the ring; event `sequence` lies at index (sequence - 1) % capacity
    u64 last;       // the newest sequence; 0: none yet
    u64 reserved0[4];
    // Event events[capacity] follow
};
static_assert(sizeof(EventLog) == 64);

} // namespace septum::guest
