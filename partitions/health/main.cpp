// SPDX-License-Identifier: Apache-2.0
// Plays the parts that the tests of faults and restarts need, by the partition's name:
//   beater      sends twenty heartbeats and then none, with its interrupts off
//   reader      says what it finds in the event log
//   timer       holds the virtual 8254 against the TSC
//   victim-N    ends N times, in turn by its own wish, by a forbidden access and by a triple fault; then stops
//   storm-N     the same with two CPUs that start, stop and interrupt each other meanwhile
//   quitter     powers itself off at once
#include "partitions/health/ends.hpp"
#include "partitions/health/storm.hpp"

#include <septum/runtime/call.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/event_log.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::health {
namespace {

using namespace guest;

bool begins(const char* text, const char* with) {
    for (u32 i = 0; with[i] != '\0'; ++i) {
        if (text[i] != with[i]) {
            return false;
        }
    }
    return true;
}

void wait(u64 milliseconds) {
    const u64 ticks = tsc_hz() / 1000 * milliseconds;
    const u64 start = cpu::timestamp();
    while (cpu::timestamp() - start < ticks) {
        cpu::pause();
    }
}

void beat(u64 launch) {
    for (u32 i = 0; i < 20; ++i) {
        if (call(Hypercall::heartbeat) != 0) {
            say("beater: the kernel does not take a heartbeat");
            return;
        }
        wait(50);
    }
    say("beater: twenty heartbeats in launch ", launch, ", and no more");
    for (;;) { // interrupts are off: only the kernel's own NMI gets through
        cpu::pause();
    }
}

const char* kind_text(EventKind kind) {
    switch (kind) {
    case EventKind::launched: return "launched";
    case EventKind::fault: return "fault";
    case EventKind::restarted: return "restarted";
    case EventKind::stopped: return "stopped";
    case EventKind::dma_fault: return "dma fault";
    case EventKind::heartbeat_missed: return "heartbeat missed";
    case EventKind::halted: return "halted";
    }
    return "unknown";
}

void read() {
    EventReader log;
    if (!log.valid()) {
        say("reader: there is no event log");
        return;
    }
    u64 expected = 1;
    for (;;) {
        Event event;
        while (log.next(event)) {
            if (event.sequence != expected) {
                say("reader: event ", event.sequence, " where ", expected, " should be, ", log.lost(), " lost");
            }
            expected = event.sequence + 1;
            say("reader: event ", event.sequence, ": ", event.name, " ", kind_text(event.kind), ", detail ",
                event.detail, ", ", Hex{event.a}, ", ", Hex{event.b});
        }
        wait(20);
    }
}

struct Reading {
    u64 tsc;   // at about the time of the latch
    u64 width; // how much the TSC moved meanwhile: the doubt
    u16 count; // of channel 0, counts down
};

// The best of a few: whoever takes the processor away from us widens a reading.
Reading read_both() {
    Reading best{0, ~u64{0}, 0};
    for (u32 i = 0; i < 32; ++i) {
        const u64 before = cpu::timestamp();
        cpu::out8(0x43, 0x00); // latch channel 0
        const u64 after = cpu::timestamp();
        const u8 low = cpu::in8(0x40);
        const u8 high = cpu::in8(0x40);
        if (after - before < best.width) {
            best = {before + (after - before) / 2, after - before, static_cast<u16>(high << 8 | low)};
        }
    }
    return best;
}

void hold_timer() {
    constexpr u64 kHz = 1'193'182;
    const u64 hz = tsc_hz();
    cpu::out8(0x43, 0x34); // channel 0, both bytes, mode 2
    cpu::out8(0x40, 0);    // 65,536
    cpu::out8(0x40, 0);
    const Reading start = read_both();
    wait(200); // the count goes round several times
    const Reading end = read_both();
    const u64 expected = (end.tsc - start.tsc) * kHz / hz;
    const u16 counted = static_cast<u16>(start.count - end.count);
    const u16 apart = static_cast<u16>(counted - static_cast<u16>(expected));
    const u64 doubt = (start.width + end.width) * kHz / hz + 2;
    if (apart > doubt && static_cast<u16>(0U - apart) > doubt) {
        say("timer: ", u64{counted}, " ticks of the 8254, expected ", expected & 0xFFFF, " give or take ", doubt);
        return;
    }
    // Channel 2 raises its output after its count, and not before.
    constexpr u16 kCount = 11'932; // 10 ms
    const u64 begin = cpu::timestamp();
    cpu::out8(0x61, 1);
    cpu::out8(0x43, 0xB0); // channel 2, both bytes, mode 0
    cpu::out8(0x42, kCount & 0xFF);
    cpu::out8(0x42, kCount >> 8);
    while ((cpu::in8(0x61) & 0x20) == 0) {
        cpu::pause();
    }
    if (const u64 ticks = cpu::timestamp() - begin; ticks < hz * kCount / kHz) {
        say("timer: the output rose after ", ticks, " ticks of the TSC already");
        return;
    }
    say("timer: the 8254 agrees with the TSC");
}

} // namespace
} // namespace septum::health

void septum::guest::partition_main(const Launch& launch) {
    using namespace septum::health;
    const char* name = launch.info.name;
    if (begins(name, "beater")) {
        beat(launch.count);
    } else if (begins(name, "reader")) {
        read();
    } else if (begins(name, "timer")) {
        hold_timer();
    } else if (begins(name, "victim-")) {
        if (!through(launch.info, launch.count)) {
            end_in_turn(launch.info, launch.count);
        }
    } else if (begins(name, "storm-")) {
        storm(launch.info, launch.count);
    } else if (!begins(name, "quitter")) {
        say(name, ": has no part to play");
    }
}
