// SPDX-License-Identifier: Apache-2.0
// Registers of its own local APIC (APM 2 §16.4, §16.11), used to reach further than its own CPU.
#include "partitions/attacker/attack.hpp"

#include <septum/runtime/apic.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::attacker::apic {
namespace {

namespace hw = guest::apic;
namespace cpu = guest::cpu;

constexpr u8 kVector = 0x41;
constexpr u64 kMode = 7 << 8;
constexpr u64 kGeneralProtection = 13;

constexpr u32 kTaskPriority = 0x808;
constexpr u32 kLogicalDestination = 0x80D;
constexpr u32 kThermalEntry = 0x833;
constexpr u32 kCounterEntry = 0x834;
constexpr u32 kLint1Entry = 0x836;
constexpr u32 kErrorEntry = 0x837;

struct Access {
    u32 msr;
    u64 value;
};
u64 read(u32 msr) {
    Access access{msr, 0};
    return guest::attempt(
        [](void* a) {
            auto& wanted = *static_cast<Access*>(a);
            wanted.value = cpu::read_msr(wanted.msr);
        },
        &access);
}
u64 write(u32 msr, u64 value) {
    Access access{msr, value};
    return guest::attempt(
        [](void* a) {
            const auto& wanted = *static_cast<const Access*>(a);
            cpu::write_msr(wanted.msr, wanted.value);
        },
        &access);
}

u32 ticks[guest::kMostProcessors];

} // namespace

// A local interrupt entry that delivers something else than an interrupt (APM 2 §16.4).
Result timer_as_smi(const Try&) {
    hw::start_timer(kVector, 0, false);
    cpu::write_msr(hw::kTimerEntry, hw::kSmi | kVector);
    return (cpu::read_msr(hw::kTimerEntry) & kMode) == 0 ? nothing("the timer delivers interrupts only")
                                                         : breach("the entry was taken");
}

Result error_entry_as_init(const Try&) {
    cpu::write_msr(kErrorEntry, hw::kInit | kVector);
    return breach("the entry was taken");
}

Result entries_in_every_mode(const Try& t) {
    constexpr u64 kReserved = 3 << 8;
    constexpr u64 kModes[] = {hw::kSmi, hw::kInit, hw::kExternal, kReserved};
    cpu::write_msr(t.variant() < 4 ? kThermalEntry : kCounterEntry, kModes[t.variant() % 4] | kVector);
    return breach("the entry was taken");
}

Result lines_in_every_mode(const Try&) {
    for (u64 mode = 0; mode < 8; ++mode) {
        const u32 entries[] = {hw::kLint0Entry, kLint1Entry};
        for (const u32 entry : entries) {
            cpu::write_msr(entry, mode << 8 | kVector);
            if ((cpu::read_msr(entry) & hw::kMasked) == 0) {
                return breach("a legacy line is unmasked");
            }
        }
    }
    return nothing("they stay masked");
}

// One-shot and short, over and over; its own timer drowns nobody but itself.
Result timer_flood(const Try&) {
    guest::on_vector(kVector, [](guest::Frame&) { ++ticks[guest::this_processor()]; });
    const u32 own = guest::this_processor();
    for (u32 i = 0; i < 1'000; ++i) {
        const u32 before = ticks[own];
        hw::start_timer(kVector, 200, false);
        for (u32 round = 0; round < 100'000 && ticks[own] == before; ++round) {
            asm volatile("sti\n\tpause\n\tcli" : : : "memory");
        }
    }
    hw::stop_timer();
    return ticks[own] > 0 ? nothing("the interrupts are its own") : breach("its own timer is gone");
}

Result spurious_end(const Try&) {
    for (u32 i = 0; i < 20'000; ++i) {
        hw::end_of_interrupt();
    }
    return nothing("nothing was in service");
}

Result logical_identity(const Try&) {
    const u64 before = cpu::read_msr(kLogicalDestination);
    const bool refused = write(kLogicalDestination, 0xFFFF) == kGeneralProtection;
    return refused && cpu::read_msr(kLogicalDestination) == before ? nothing("general protection")
                                                                   : breach("it was taken");
}

Result reserved_registers(const Try& t) {
    constexpr u32 kAbsent[] = {0x800, 0x801, 0x804, 0x805, 0x809, 0x80C, 0x80E, 0x829, 0x82F,
                               0x831, 0x83A, 0x83B, 0x83C, 0x83D, 0x840, 0x850, 0x8FF};
    for (const u32 msr : kAbsent) {
        if (read(msr) != kGeneralProtection || write(msr, 0) != kGeneralProtection) {
            t.note("register ", guest::Hex{msr});
            return breach("it answered");
        }
    }
    constexpr u32 kReadOnly[] = {0x802, 0x803, 0x80A, 0x80D, 0x810, 0x820, 0x827, 0x839};
    for (const u32 msr : kReadOnly) {
        if (write(msr, 0) != kGeneralProtection) {
            t.note("register ", guest::Hex{msr});
            return breach("it was taken");
        }
    }
    return nothing("general protection");
}

Result wide_values(const Try& t) {
    // Those that the kernel answers; what is passed to the processor is the processor's to refuse, and some emulated
    // ones take it.
    constexpr u32 kNarrow[] = {hw::kSpurious,   hw::kTimerEntry, kThermalEntry, kCounterEntry,
                               hw::kLint0Entry, kLint1Entry,     kErrorEntry};
    constexpr u32 kPassed[] = {kTaskPriority, hw::kTimerDivide, hw::kSelf};
    guest::on_vector(0, [](guest::Frame&) { hw::end_of_interrupt(); });
    for (const u32 msr : kPassed) {
        (void)write(msr, 1ULL << 32);
    }
    for (const u32 msr : kNarrow) {
        if (write(msr, 1ULL << 32) != kGeneralProtection) {
            t.note("register ", guest::Hex{msr});
            return breach("it was taken");
        }
    }
    return nothing("general protection");
}

Result priority_games(const Try&) {
    for (u64 priority = 0; priority < 16; ++priority) {
        cpu::write_msr(kTaskPriority, priority << 4);
        asm volatile("mov %0, %%cr8" : : "r"(priority));
        (void)cpu::cpuid(0);
    }
    cpu::write_msr(hw::kSpurious, hw::kSpuriousVector); // software disable
    (void)cpu::cpuid(0);
    hw::enable();
    asm volatile("mov %0, %%cr8" : : "r"(0ULL));
    cpu::write_msr(kTaskPriority, 0);
    return nothing("it held off nobody's but its own");
}

} // namespace septum::attacker::apic
