// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/watchdog.hpp"

#include "kernel/boot/map.hpp"
#include "kernel/hw/mmio.hpp"

namespace septum::kernel::boot {

namespace {

// HPET 1.0a §2.3.
constexpr u64 kIdentity = 0x000;          // period of a tick [63:32], counter of 64 bits [13], last timer [12:8]
constexpr u64 kConfiguration = 0x010;     // legacy replacement [1], enable [0]
constexpr u64 kCounter = 0x0F0;
constexpr u64 kTimers = 0x100;            // 0x20 bytes each: configuration, comparator, message
constexpr u64 kTimerSize = 0x20;
constexpr u64 kComparator = 0x08;
constexpr u64 kMessage = 0x10;            // address [63:32], data [31:0]

constexpr u32 kSlowestTick = 0x05F5'E100; // fs: the specification's 100 ns
constexpr u64 kWideCounter = 1u << 13;
constexpr u32 kCanSend = 1u << 15;        // FSB_INT_DEL_CAP
constexpr u32 kCanRepeat = 1u << 4;       // PER_INT_CAP
constexpr u32 kSends = 1u << 14;          // FSB_EN_CNF
constexpr u32 kSetsValue = 1u << 6;       // VAL_SET_CNF: the next write of the comparator sets it, the one after that the period
constexpr u32 kRepeats = 1u << 3;         // TYPE_CNF
constexpr u32 kInterrupts = 1u << 2;      // INT_ENB_CNF
constexpr u32 kLevel = 1u << 1;

Refusal refuse(const char* what, Value expected, Value found) {
    return {Code::watchdog, Value::text("hpet"), Value::text(what), expected, found};
}

} // namespace

Refusal ready_watchdog(const manifest::Header& header) {
    const manifest::Watchdog& watchdog = header.watchdog;
    if (watchdog.kind == manifest::WatchdogKind::none) {
        return kHolds;
    }
    const Hpa base = watchdog.registers;
    SEPTUM_REQUIRE(map("hpet registers", {base, kPageSize}));
    const u64 identity = hw::mmio_read64(base + kIdentity);
    const u32 tick = static_cast<u32>(identity >> 32);
    if (tick == 0 || tick > kSlowestTick) {
        return refuse("femtoseconds of a tick", Value::range(1, kSlowestTick + 1), Value::decimal(tick));
    }
    const u64 timers = (identity >> 8 & 0x1F) + 1;
    if (watchdog.comparator >= timers) {
        return refuse("comparators", Value::range("more than", watchdog.comparator, 32), Value::decimal(timers));
    }
    if ((identity & kWideCounter) == 0) {
        return refuse("bits of the counter", Value::decimal(64), Value::decimal(32));
    }
    const Hpa timer = base + kTimers + watchdog.comparator * kTimerSize;
    constexpr u32 kNeeded = kCanSend | kCanRepeat;
    const u32 can = hw::mmio_read32(timer) & kNeeded;
    if (can != kNeeded) {
        return refuse("comparator's messages and repetition", Value::hex(kNeeded), Value::hex(can));
    }
    const u64 ticks = watchdog_ticks(watchdog.period_us, tick);
    if (ticks == 0 || ticks >> 31 != 0) { // the comparator may have 32 bits
        return refuse("ticks of the period", Value::range(1, u64{1} << 31), Value::decimal(ticks));
    }
    hw::mmio_write32(base + kConfiguration, 0); // stands still, and the legacy timers are the legacy timers
    hw::mmio_write64(base + kCounter, 0);
    for (u64 i = 0; i < timers; i++) {
        const Hpa other = base + kTimers + i * kTimerSize;
        hw::mmio_write32(other, hw::mmio_read32(other) & ~(kInterrupts | kSends));
    }
    const WatchdogMessage message = watchdog_message(watchdog.handle, watchdog.apic_id);
    hw::mmio_write32(timer + kMessage, message.data);
    hw::mmio_write32(timer + kMessage + 4, message.address);
    hw::mmio_write32(timer, (hw::mmio_read32(timer) & ~kLevel) | kSends | kSetsValue | kRepeats | kInterrupts);
    hw::mmio_write32(timer + kComparator, static_cast<u32>(ticks));
    hw::mmio_write32(timer + kComparator, static_cast<u32>(ticks));
    return kHolds;
}

} // namespace septum::kernel::boot
