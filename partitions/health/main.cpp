// SPDX-License-Identifier: Apache-2.0
// Plays the parts that the tests of faults and restarts need, by the partition's name:
//   beater      sends twenty heartbeats and then none, with its interrupts off
//   reader      says what it finds in the event log
//   timer       holds the virtual 8254 against the TSC
//   victim-N    ends N times, in turn by its own wish, by a forbidden access and by a triple fault; then stops
//   quitter     powers itself off at once
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
            say("reader: event ", event.sequence, ": ", event.name, " ", kind_text(event.kind), ", detail ", event.detail, ", ",
                Hex{event.a}, ", ", Hex{event.b});
        }
        wait(20);
    }
}

// Both clocks over the same 200 ms; they must agree to one in 50.
void hold_timer() {
    constexpr u64 kHz = 1'193'182;
    constexpr u16 kCount = 59'659; // 50 ms
    const u64 start = cpu::timestamp();
    for (u32 i = 0; i < 4; ++i) {
        cpu::out8(0x61, 1);
        cpu::out8(0x43, 0xB0); // channel 2, both bytes, mode 0
        cpu::out8(0x42, kCount & 0xFF);
        cpu::out8(0x42, kCount >> 8);
        while ((cpu::in8(0x61) & 0x20) == 0) {
            cpu::pause();
        }
    }
    const u64 ticks = cpu::timestamp() - start;
    const u64 expected = tsc_hz() * 4 * kCount / kHz;
    const u64 apart = ticks > expected ? ticks - expected : expected - ticks;
    if (apart > expected / 50) {
        say("timer: 200 ms took ", ticks, " ticks of the TSC, expected ", expected);
        return;
    }
    say("timer: the 8254 agrees with the TSC");
}

[[noreturn]] void triple_fault() {
    struct [[gnu::packed]] {
        u16 limit = 0;
        u64 base = 0;
    } none;
    asm volatile("lidt %0\n\tud2" : : "m"(none));
    __builtin_unreachable();
}

void end(const Info& info, u64 launch) {
    u64 ends = 0;
    for (u32 i = 0; info.name[i] != '\0'; ++i) {
        const char c = info.name[i];
        ends = c >= '0' && c <= '9' ? ends * 10 + static_cast<u64>(c - '0') : 0;
    }
    if (launch >= ends) {
        say(info.name, ": ended ", launch, " times");
        return;
    }
    if (launch % 3 == 0) {
        restart();
    }
    if (launch % 3 == 1) {
        (void)*reinterpret_cast<const volatile u64*>(info.ram_size); // nothing of it there
    }
    triple_fault();
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
        end(launch.info, launch.count);
    } else if (!begins(name, "quitter")) {
        say(name, ": has no part to play");
    }
}
