// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/clock.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/hw/port.hpp"

namespace septum::kernel::boot {

namespace {

constexpr u64 kCrystal = 1'193'182;    // Hz
constexpr u32 kTicks = kCrystal / 100; // ten milliseconds, in two halves
constexpr u32 kMaxReads = 4'000'000;   // seconds, even at bus speed: then the timer stands still
constexpr u32 kAttempts = 8;
constexpr u64 kMinHertz = 1'000'000; // a slower time-stamp counter is not believed

constexpr u16 kGatePort = 0x61; // bit 0: gate of channel 2, bit 1: loudspeaker
constexpr u16 kChannel2 = 0x42;
constexpr u16 kControl = 0x43;
constexpr u8 kLatch2 = 0x80; // 8254, counter latch command
constexpr u8 kMode2 = 0xB4;  // channel 2, low byte then high byte, mode 2: reloads by itself

struct Reading {
    u64 tsc;   // at about the time of the latch
    u64 width; // how much the time-stamp counter moved meanwhile: the doubt
    u16 count; // counts down
};

Reading read_both() {
    const u64 before = hw::read_tsc();
    hw::out8(kControl, kLatch2);
    const u64 after = hw::read_tsc();
    const u8 low = hw::in8(kChannel2);
    const u8 high = hw::in8(kChannel2);
    return {before + (after - before) / 2, after - before, static_cast<u16>(high << 8 | low)};
}

// The best of a few: an interruption by firmware or by a hypervisor beneath us widens a reading.
Reading read_best() {
    Reading best = read_both();
    for (u32 i = 0; i < 4; i++) {
        const Reading next = read_both();
        if (next.width <= best.width) {
            best = next;
        }
    }
    return best;
}

// Until the timer has moved on by `ticks` since `start`; false when it stands still.
bool read_after(const Reading& start, u32 ticks, Reading& reading) {
    for (u32 reads = 0; reads < kMaxReads; reads++) {
        if (static_cast<u16>(start.count - read_both().count) >= ticks) {
            reading = read_best();
            return true;
        }
        hw::pause();
    }
    return false;
}

u64 frequency(const Reading& from, const Reading& to) {
    const u16 ticks = static_cast<u16>(from.count - to.count);
    return ticks == 0 ? 0 : (to.tsc - from.tsc) * kCrystal / ticks;
}

bool alike(u64 a, u64 b) {
    const u64 apart = a > b ? a - b : b - a;
    return apart <= a / 500;
}

} // namespace

Refusal measure_tsc(u64& hertz) {
    hw::out8(kGatePort, static_cast<u8>((hw::in8(kGatePort) & ~3u) | 1)); // count, silently
    hw::out8(kControl, kMode2);
    hw::out8(kChannel2, 0); // 65,536
    hw::out8(kChannel2, 0);

    // The count wraps after 55 ms. Kept away for longer than that, we would take the clock for faster than it is: so
    // the two halves of a measurement must agree, and when none does, the slowest is nearest.
    hertz = ~u64{0};
    for (u32 attempt = 0; attempt < kAttempts; attempt++) {
        const Reading start = read_best();
        Reading middle{};
        Reading end{};
        if (!read_after(start, kTicks / 2, middle) || !read_after(middle, kTicks / 2, end)) {
            return {Code::clock, Value::text("8254 timer"), {}, Value::text("counting"), Value::text("standing still")};
        }
        const u64 measured = frequency(start, end);
        if (alike(frequency(start, middle), frequency(middle, end))) {
            hertz = measured;
            break;
        }
        hertz = measured < hertz ? measured : hertz;
    }
    hw::out8(kGatePort, static_cast<u8>(hw::in8(kGatePort) & ~3u));
    if (hertz < kMinHertz) {
        return {Code::clock, Value::text("time-stamp counter"), {}, Value::text("counting"), Value::decimal(hertz)};
    }
    return kHolds;
}

void wait_microseconds(u64 microseconds, u64 hertz) {
    const u64 start = hw::read_tsc();
    const u64 ticks = microseconds * hertz / 1'000'000;
    while (hw::read_tsc() - start < ticks) {
        hw::pause();
    }
}

} // namespace septum::kernel::boot
