// SPDX-License-Identifier: Apache-2.0
// The board's facts about a CPU, asked of the CPU that runs this. `Cpu` answers `u32 cpuid(leaf, subleaf, index)` and
// `u64 msr(index)`: the hardware in the kernel, a table in tests.
#pragma once

#include "kernel/boot/bytes.hpp"
#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

constexpr bool is_cpu_fact(manifest::FactKind kind) {
    return kind != manifest::FactKind::pci_function;
}

// The fact's value on this CPU, masked.
template <typename Cpu>
u64 observe(const manifest::Fact& fact, const Cpu& cpu) {
    const bool cpuid = fact.kind == manifest::FactKind::cpuid_bits || fact.kind == manifest::FactKind::cpuid_at_least;
    return (cpuid ? cpu.cpuid(fact.a, fact.b, fact.index & 3) : cpu.msr(fact.a)) & fact.mask;
}

template <typename Cpu>
Refusal check_cpu_fact(const manifest::Fact& fact, const Cpu& cpu, u32 apic_id) {
    bool holds = false;
    u64 found = 0;
    switch (fact.kind) {
    case manifest::FactKind::pci_function: // not a CPU's: pci_set.hpp, pci_program.hpp
    case manifest::FactKind::pci_bits:
        return kHolds;
    case manifest::FactKind::cpuid_bits:
    case manifest::FactKind::msr_bits:
        found = observe(fact, cpu);
        holds = found == fact.expected;
        break;
    case manifest::FactKind::cpuid_at_least:
    case manifest::FactKind::msr_at_least:
        found = observe(fact, cpu);
        holds = found >= fact.expected;
        break;
    default:
        return {Code::manifest,
                Value::text("fact kind"),
                {},
                Value::range(1, 7),
                Value::decimal(static_cast<u64>(fact.kind))};
    }
    if (holds) {
        return kHolds;
    }
    return {Code::cpu, Value::name(fact.name), Value::cpu(apic_id), Value::hex(fact.expected), Value::hex(found)};
}

template <typename Cpu>
Refusal check_cpu_facts(const Records<manifest::Fact>& facts, const Cpu& cpu, u32 apic_id) {
    for (const auto& fact : facts) {
        SEPTUM_REQUIRE(check_cpu_fact(fact, cpu, apic_id));
    }
    return kHolds;
}

} // namespace septum::kernel::boot
