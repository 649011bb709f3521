// SPDX-License-Identifier: Apache-2.0
// Interrupts to CPUs that belong to others, and kinds of interrupt that nobody may send.
#include "partitions/intruder/attack.hpp"

#include <septum/runtime/apic.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::intruder::interrupts {
namespace {

namespace apic = guest::apic;

constexpr u8 kVector = 0x40; // a doorbell's, in partitions that have one
constexpr Result kSent = breach("it was sent");

// Sends to the n-th CPU that is not its own.
Result send(const Try& t, const char* what, u32 n, u64 command) {
    const u32 target = t.foreign_cpu(n);
    t.say("send ", what, " to the CPU with APIC id ", target, ", which is not its own");
    apic::command(target, command | apic::kAssert);
    return kSent;
}

u32 taken;
void take(guest::Frame&) {
    ++taken;
}

} // namespace

Result all_but_self(const Try& t) {
    t.say("send vector ", u32{kVector}, " to all CPUs but itself, then to all by broadcast");
    guest::on_vector(kVector, take);
    apic::command(0, apic::kToOthers | apic::kAssert | kVector);
    apic::command(~0U, apic::kAssert | kVector);
    asm volatile("sti\n\tnop\n\tcli" : : : "memory");
    return taken <= 1 ? nothing("only CPUs of its own can have had it") : breach("it came back more than once");
}

Result fixed_to_foreign(const Try& t) {
    return send(t, "an interrupt", 0, apic::kFixed | kVector);
}
Result nmi_to_foreign(const Try& t) {
    return send(t, "an NMI", 1, apic::kNmi);
}
Result init_to_foreign(const Try& t) {
    return send(t, "INIT", 2, apic::kInit);
}
Result startup_to_foreign(const Try& t) {
    return send(t, "a start-up interrupt", 0, apic::kStartup | 0x10);
}

Result smi_to_self(const Try& t) {
    t.say("send itself a system management interrupt");
    apic::command(0, apic::kToSelf | apic::kSmi | apic::kAssert);
    return kSent;
}

// A local interrupt entry that delivers something else than an interrupt (APM 2 §16.4).
Result timer_as_smi(const Try& t) {
    t.say("let its timer deliver a system management interrupt");
    apic::start_timer(kVector, 0, false);
    guest::cpu::write_msr(apic::kTimerEntry, apic::kSmi | kVector);
    const u64 entry = guest::cpu::read_msr(apic::kTimerEntry);
    constexpr u64 kMode = 7 << 8;
    return (entry & kMode) == 0 ? nothing("the timer delivers interrupts only") : breach("the entry was taken");
}

Result error_entry_as_init(const Try& t) {
    t.say("let a local APIC error deliver INIT");
    constexpr u32 kErrorEntry = 0x837;
    guest::cpu::write_msr(kErrorEntry, apic::kInit | kVector);
    const u64 entry = guest::cpu::read_msr(kErrorEntry);
    constexpr u64 kMode = 7 << 8;
    return (entry & kMode) == 0 || (entry & apic::kMasked) != 0 ? nothing("the entry delivers interrupts only")
                                                                : breach("the entry was taken");
}

} // namespace septum::intruder::interrupts
