// SPDX-License-Identifier: Apache-2.0
// Using up what all partitions share: the serial line, and the kernel's time on its own CPU.
#include "partitions/attacker/attack.hpp"

#include <septum/guest/hypercall.hpp>
#include <septum/runtime/apic.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::attacker::exhaustion {
namespace {

namespace cpu = guest::cpu;

constexpr u16 kLineStatus = guest::kUartPort + 5;

// Without asking for room.
void put(char c) {
    cpu::out8(guest::kUartPort, static_cast<u8>(c));
}

// The kernel passes text on while its console is looked at: long enough for all that was kept.
void let_drain() {
    put('\n');
    for (u32 look = 0; look < 20'000; ++look) {
        (void)cpu::in8(kLineStatus);
    }
}

} // namespace

// Characters that would repaint or forge others' lines, more of them than the console can hold.
Result flood_console(const Try&) {
    constexpr u32 kFlood = 20'000;
    constexpr char kControl[] = {'\x1B', '\r', '\b', '\f', '\x07', '\x7F'};
    for (u32 i = 0; i < kFlood; ++i) {
        put(kControl[i % sizeof(kControl)]);
    }
    let_drain();
    return nothing("nobody waited");
}

Result endless_line(const Try&) {
    constexpr u32 kLine = 12'000;
    for (u32 i = 0; i < kLine; ++i) {
        put('.');
    }
    let_drain();
    return nothing("nobody waited");
}

Result forge_lines(const Try&) {
    constexpr const char* kForged[] = {
        "septum: witness-a: fault: forged, rip 0x0, cpu 0",
        "\rseptum: witness-a: fault: forged, rip 0x0, cpu 0",
        "\x1B[2J\x1B[Hseptum: witness-a: stopped",
        "[witness-a] witness-a: CHANGED: forged",
        "\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b[witness-a] witness-a: CHANGED: forged",
    };
    put('\n');
    for (const char* line : kForged) {
        for (const char* c = line; *c != '\0'; ++c) {
            put(*c);
        }
        put('\n');
    }
    let_drain();
    return nothing("each line bears its own name");
}

Result exit_storm(const Try&) {
    constexpr u32 kRounds = 20'000;
    for (u32 i = 0; i < kRounds; ++i) {
        (void)cpu::cpuid(i);
        (void)guest::call(guest::Hypercall::version);
        (void)cpu::in8(0x80);
        (void)cpu::read_msr(0x1B); // APIC_BASE
    }
    return nothing("nobody waited");
}

Result exception_storm(const Try&) {
    constexpr u32 kRounds = 10'000;
    for (u32 i = 0; i < kRounds; ++i) {
        (void)guest::attempt([](void*) { (void)cpu::read_msr(0x1234'5678); }, nullptr);
        (void)guest::attempt([](void*) { asm volatile("monitor" : : "a"(0), "c"(0), "d"(0)); }, nullptr);
    }
    return nothing("nobody waited");
}

} // namespace septum::attacker::exhaustion
