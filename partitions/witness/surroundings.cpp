// SPDX-License-Identifier: Apache-2.0
#include "partitions/witness/surroundings.hpp"

#include <septum/runtime/apic.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::witness {
namespace {

namespace cpu = guest::cpu;
namespace apic = guest::apic;

constexpr u8 kTimerVector = 0x50;
constexpr u8 kFirstBell = 0x40; // doorbells' vectors: rung ones are taken by guest::Doorbell
constexpr u8 kLastBell = 0x4F;

u64 tick_count;
u32 first_unexpected = kNone;

void on_tick(guest::Frame&) {
    ++tick_count;
}

void on_unexpected(guest::Frame& frame) {
    if (first_unexpected == kNone) {
        first_unexpected = static_cast<u32>(frame.vector);
    }
}

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};

u64 read_cr4() {
    u64 value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
u64 read_dr7() {
    u64 value;
    asm volatile("mov %%dr7, %0" : "=r"(value));
    return value;
}

constexpr const char* kNames[] = {"CR0",   "CR3",      "CR4",     "DR7", "GDT", "IDT", "EFER",       "PAT",
                                  "LSTAR", "KernelGS", "TSC_AUX", "LDR", "SVR", "TPR", "APIC timer", "LINT0"};

// What the timer's count is, and when: read again until the CPU was not taken away in between; else the best of many.
struct Reading {
    u64 tsc;
    u64 count;
};
Reading read_timer(u64 tsc_hz) {
    constexpr u32 kTries = 1000;
    Reading best{};
    u64 narrowest = ~u64{0};
    for (u32 i = 0; i < kTries && narrowest >= tsc_hz / 20'000; ++i) {
        const u64 before = cpu::timestamp();
        const u64 count = cpu::read_msr(apic::kTimerCurrent);
        const u64 after = cpu::timestamp();
        if (after - before < narrowest) {
            narrowest = after - before;
            best = {before, count};
        }
    }
    return best;
}

} // namespace

u64 measure_timer(u64 tsc_hz) {
    apic::start_timer(kTimerVector, 0xFFFF'FFFF, false);
    const Reading first = read_timer(tsc_hz);
    while (cpu::timestamp() - first.tsc < tsc_hz / 20) {
        cpu::pause();
    }
    const Reading second = read_timer(tsc_hz);
    apic::stop_timer();
    // In units of a thousand, so that no product leaves 64 bits.
    return (first.count - second.count) * apic::kTimerDivisor / 1'000 * (tsc_hz / 1'000) /
           ((second.tsc - first.tsc) / 1'000'000);
}

void watch_interrupts(u64 timer_hz, u32 ticks_per_second) {
    // Exceptions but those that the runtime reports anyway; NMI is one of them: nobody may send it one.
    guest::on_vector(2, on_unexpected);
    for (u32 vector = 32; vector < 255; ++vector) {
        if (vector != kTimerVector && !(vector >= kFirstBell && vector <= kLastBell)) {
            guest::on_vector(static_cast<u8>(vector), on_unexpected);
        }
    }
    guest::on_vector(kTimerVector, on_tick);
    const u64 count = timer_hz / apic::kTimerDivisor / ticks_per_second;
    apic::start_timer(kTimerVector, count > 0xFFFF'FFFF ? 0xFFFF'FFFF : static_cast<u32>(count), true);
}

u64 ticks() {
    return *const_cast<volatile u64*>(&tick_count);
}

u32 unexpected() {
    return *const_cast<volatile u32*>(&first_unexpected);
}

Registers::Values Registers::read() {
    TablePointer gdt;
    TablePointer idt;
    asm volatile("sgdt %0" : "=m"(gdt));
    asm volatile("sidt %0" : "=m"(idt));
    return {{cpu::read_cr0(), cpu::read_cr3(), read_cr4(), read_dr7(), gdt.base ^ u64{gdt.limit} << 48,
             idt.base ^ u64{idt.limit} << 48, cpu::read_msr(0xC000'0080), cpu::read_msr(0x277),
             cpu::read_msr(0xC000'0082), cpu::read_msr(0xC000'0102), cpu::read_msr(0xC000'0103), cpu::read_msr(0x80D),
             cpu::read_msr(0x80F), cpu::read_msr(0x808), cpu::read_msr(0x832), cpu::read_msr(0x835)}};
}

const char* Registers::changed() const {
    static_assert(sizeof(kNames) / sizeof(kNames[0]) == kCount);
    const Values now = read();
    for (u32 i = 0; i < kCount; ++i) {
        if (now.value[i] != before_.value[i]) {
            return kNames[i];
        }
    }
    return nullptr;
}

} // namespace septum::witness
