// SPDX-License-Identifier: Apache-2.0
// The timer that wakes the kernel to look for missing heartbeats, set up at boot.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// What the manifest says of the watchdog, the event log, the crash record and the answers to causes, checked as read.
Refusal check_health(const manifest::Header& header);

// Checks that the HPET is there and can do what is asked, and programs its comparator: a periodic message that is an NMI.
// Its counter stays off till launch. Without a watchdog in the manifest this does nothing.
Refusal ready_watchdog(const manifest::Header& header);

// The comparator's period in ticks of the main counter, which tick every `femtoseconds`. Pure.
constexpr u64 watchdog_ticks(u32 period_us, u32 femtoseconds) {
    return femtoseconds == 0 ? 0 : u64{period_us} * 1'000'000'000 / femtoseconds;
}

// Address and data of its message (HPET 1.0a §2.3.11). `handle` ~0u: as the local APIC takes it (APM 2 §16.9), an NMI to
// `apic_id`; else in the remappable format (VT-d §5.1.2.2), what is delivered is in the interrupt table. Pure.
struct WatchdogMessage {
    u32 address;
    u32 data;
};
constexpr WatchdogMessage watchdog_message(u32 handle, u32 apic_id) {
    constexpr u32 kLocalApics = 0xFEE0'0000;
    if (handle != ~0u) {
        return {kLocalApics | (handle & 0x7FFF) << 5 | 1u << 4 | (handle >> 15 & 1) << 2, 0};
    }
    return {kLocalApics | apic_id << 12, 4u << 8};
}

} // namespace septum::kernel::boot
