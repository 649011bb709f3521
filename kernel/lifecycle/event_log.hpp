// SPDX-License-Identifier: Apache-2.0
// The event log: what happened to whom, for the partitions that the file lets read it (septum/guest/event_log.hpp).
#pragma once

#include <septum/guest/event_log.hpp>
#include <septum/manifest/manifest.hpp>
#include <septum/types.hpp>

namespace septum::kernel::lifecycle {

// How many events the log holds. Pure.
constexpr u64 event_capacity(const manifest::Range& log) { return log.size / sizeof(guest::Event) - 1; }

// Appends an event; the oldest one goes. From any CPU, at any time after launch, never from inside an exception. Without a
// log in the manifest it does nothing. `partition` is a manifest index or 0xFFFF; the rest as EventKind says.
void log_event(guest::EventKind kind, u16 partition, u32 detail, u64 a, u64 b);

} // namespace septum::kernel::lifecycle
