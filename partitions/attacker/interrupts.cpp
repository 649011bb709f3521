// SPDX-License-Identifier: Apache-2.0
// Interrupts to CPUs that belong to others, and kinds of interrupt that nobody may send.
#include "partitions/attacker/attack.hpp"

#include <septum/runtime/apic.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::attacker::interrupts {
namespace {

namespace apic = guest::apic;

constexpr u8 kVector = 0x40; // a doorbell's, in partitions that have one
constexpr Result kSent = breach("it was sent");

// Sends to the n-th CPU that is not its own.
Result send(const Try& t, u32 n, u64 command) {
    apic::command(t.foreign_cpu(n), command | apic::kAssert);
    return kSent;
}

constexpr u64 kLogical = 1 << 11;
constexpr u64 kExtInt = 7 << 8;
constexpr u64 kReservedMode = 3 << 8;
constexpr u64 kForbidden[] = {apic::kSmi, kExtInt, kReservedMode};

u32 taken[guest::kMostProcessors];
u32 nested[guest::kMostProcessors];
u32 most_nested;

void take(guest::Frame&) {
    ++taken[guest::this_processor()];
}

void take_nmi(guest::Frame&) {
    const u32 own = guest::this_processor();
    ++nested[own];
    if (nested[own] > most_nested) {
        most_nested = nested[own];
    }
    ++taken[own];
    --nested[own];
}

void let_in() {
    asm volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
}

} // namespace

Result all_but_self(const Try&) {
    guest::on_vector(kVector, take);
    apic::command(0, apic::kToOthers | apic::kAssert | kVector);
    apic::command(~0U, apic::kAssert | kVector);
    let_in();
    return taken[0] <= 1 ? nothing("only CPUs of its own can have had it") : breach("it came back more than once");
}

Result fixed_to_foreign(const Try& t) {
    return send(t, 0, apic::kFixed | kVector);
}
Result nmi_to_foreign(const Try& t) {
    return send(t, 1, apic::kNmi);
}
Result init_to_foreign(const Try& t) {
    return send(t, 2, apic::kInit);
}
Result startup_to_foreign(const Try& t) {
    return send(t, 0, apic::kStartup | 0x10);
}

Result every_mode_to_foreign(const Try& t) {
    return send(t, t.variant() % 2, u64{t.variant()} << 8 | kVector);
}

Result every_mode_to_absent(const Try& t) {
    constexpr u32 kNobody = 0xABCD;
    apic::command(kNobody, u64{t.variant()} << 8 | apic::kAssert | kVector);
    return kSent;
}

Result logical_to_foreign(const Try&) {
    constexpr u32 kCluster = 5 << 16 | 0xFFFF;
    apic::command(kCluster, kLogical | apic::kAssert | kVector);
    return kSent;
}

// All sixteen members of cluster 0, to which its CPUs belong: the kernel sends to those of them that are its own.
Result logical_to_all(const Try&) {
    guest::on_vector(kVector, take);
    apic::command(0xFFFF, kLogical | apic::kAssert | kVector);
    let_in();
    return taken[0] <= 1 ? nothing("only CPUs of its own can have had it") : breach("it came back more than once");
}

Result smi_to_self(const Try&) {
    apic::command(0, apic::kToSelf | apic::kSmi | apic::kAssert);
    return kSent;
}

Result forbidden_modes_to_self(const Try& t) {
    apic::command(0, apic::kToSelf | kForbidden[t.variant() % 3] | apic::kAssert | kVector);
    return kSent;
}

Result forbidden_modes_to_all(const Try& t) {
    apic::command(~0U, kForbidden[t.variant() % 3] | apic::kAssert | kVector);
    return kSent;
}

// An error of the local APIC's at most (APM 2 §16.4.6), and its entry is masked; but some emulated ones take them from
// the self-IPI register. Those without an error code are let in, as what they are not; the others stay pending for the
// kernel, which must survive them when it clears up behind this life.
Result illegal_vectors(const Try&) {
    constexpr u64 kWithErrorCode = 1 << 8 | 0x1F << 10;
    const auto pushes_error = [](u64 vector) { return (kWithErrorCode >> vector & 1) != 0; };
    for (u64 vector = 0; vector < 16; ++vector) {
        if (!pushes_error(vector)) {
            guest::on_vector(static_cast<u8>(vector), [](guest::Frame&) { apic::end_of_interrupt(); });
            apic::command(0, apic::kToSelf | apic::kAssert | vector);
            guest::cpu::write_msr(apic::kSelf, vector);
            let_in();
            guest::on_vector(static_cast<u8>(vector), nullptr);
        }
    }
    for (u64 vector = 0; vector < 16; ++vector) {
        if (pushes_error(vector)) {
            guest::cpu::write_msr(apic::kSelf, vector);
        }
    }
    return nothing("they came to nobody else");
}

// Vectors that are legal and mean exceptions everywhere else, left pending for the kernel.
Result exception_vectors(const Try&) {
    for (u64 vector = 16; vector < 32; ++vector) {
        guest::cpu::write_msr(apic::kSelf, vector);
    }
    return nothing("they came to nobody else");
}

// Everything at once, left pending.
Result leave_pending(const Try& t) {
    for (u64 vector = 32; vector < 256; ++vector) {
        apic::command(t.info().apic_ids[guest::this_processor()], apic::kFixed | apic::kAssert | vector);
    }
    return nothing("they came to nobody else");
}

Result nmi_storm(const Try& t) {
    constexpr u8 kNmiVector = 2;
    constexpr u32 kTimes = 1'000;
    guest::on_vector(kNmiVector, take_nmi);
    const u32 own = guest::this_processor();
    for (u32 i = 0; i < kTimes; ++i) {
        apic::command(t.info().apic_ids[own], apic::kNmi | apic::kAssert);
    }
    if (most_nested > 1) {
        return breach("one came while another was being handled");
    }
    return taken[own] > 0 && taken[own] <= kTimes ? nothing("they came one by one") : breach("wrong number of them");
}

Result interrupt_storm(const Try& t) {
    constexpr u32 kTimes = 5'000;
    guest::on_vector(kVector, take);
    const u32 own = guest::this_processor();
    for (u32 i = 0; i < kTimes; ++i) {
        apic::command(t.info().apic_ids[own], apic::kFixed | apic::kAssert | kVector);
        guest::cpu::write_msr(apic::kSelf, kVector);
        let_in();
    }
    return taken[own] > 0 && taken[own] <= 2 * kTimes ? nothing("they came to itself") : breach("wrong number of them");
}

} // namespace septum::attacker::interrupts
