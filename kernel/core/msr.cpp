// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/decide.hpp"

namespace septum::kernel::core {

namespace {

constexpr u64 kEferLme = 1ULL << 8;
constexpr u64 kEferLma = 1ULL << 10;
constexpr u64 kCr0Paging = 1ULL << 31;
constexpr u64 kApicBaseAddress = 0xFEE0'0000;
constexpr u64 kApicBaseBsp = 1ULL << 8;
constexpr u64 kApicBaseX2apic = 3ULL << 10; // enabled, in x2APIC mode

u64 apic_base(const CpuState& cpu) {
    return kApicBaseAddress | kApicBaseX2apic | (cpu.vcpu == 0 ? kApicBaseBsp : 0);
}

void set_value(CpuState& cpu, Effects& effects, u64 value) {
    effects.set |= kAdvance;
    cpu.registers[kRax] = static_cast<u32>(value);
    cpu.registers[kRdx] = value >> 32;
}

void read(const Manifest& manifest, CpuState& cpu, const manifest::MsrRule& rule, u32 index, Effects& effects) {
    switch (rule.on_read) {
    case manifest::MsrAnswer::constant: set_value(cpu, effects, rule.value); break;
    case manifest::MsrAnswer::efer: set_value(cpu, effects, cpu.efer); break;
    case manifest::MsrAnswer::apic_base: set_value(cpu, effects, apic_base(cpu)); break;
    case manifest::MsrAnswer::x2apic: answer_apic_read(manifest, cpu, index, effects); break;
    case manifest::MsrAnswer::forbidden: forbid(effects, Fault::msr_read); break;
    case manifest::MsrAnswer::fault_gp:
    case manifest::MsrAnswer::ignore: inject_exception(effects, kVectorProtection); break;
    }
}

// EFER (APM 2 §3.1.7): only bits in `writable`; LMA follows LME by itself; LME is fixed while paging is on.
void write_efer(const CpuState& cpu, u64 writable, u64 value, Effects& effects) {
    const bool switches_mode = ((value ^ cpu.efer) & kEferLme) != 0 && (cpu.cr0 & kCr0Paging) != 0;
    if ((value & ~writable) != 0 || switches_mode) {
        inject_exception(effects, kVectorProtection);
        return;
    }
    effects.set |= kAdvance | kSetEfer;
    effects.value = (value & ~kEferLma) | (cpu.efer & kEferLma);
}

void write(const Manifest& manifest, CpuState& cpu, const manifest::MsrRule& rule, u32 index, u64 value,
           Effects& effects) {
    if (rule.on_write == manifest::MsrAnswer::x2apic) [[likely]] { // the frequent one: interrupts to other CPUs
        answer_apic_write(manifest, cpu, index, value, effects);
        return;
    }
    switch (rule.on_write) {
    case manifest::MsrAnswer::ignore:
    case manifest::MsrAnswer::constant: effects.set |= kAdvance; break;
    case manifest::MsrAnswer::efer: write_efer(cpu, rule.value, value, effects); break;
    case manifest::MsrAnswer::apic_base:
        if (value == apic_base(cpu)) {
            effects.set |= kAdvance;
        } else {
            inject_exception(effects, kVectorProtection);
        }
        break;
    case manifest::MsrAnswer::forbidden: forbid(effects, Fault::msr_write); break;
    case manifest::MsrAnswer::x2apic: // above
    case manifest::MsrAnswer::fault_gp: inject_exception(effects, kVectorProtection); break;
    }
}

} // namespace

void answer_msr(const Manifest& manifest, CpuState& cpu, const Exit& exit, Effects& effects) {
    const u32 index = static_cast<u32>(exit.address);
    // The rules are sorted: pass over those that lie wholly before the index, a stretch at a time.
    constexpr u32 kStretch = 8;
    u32 start = 0;
    for (u32 i = kStretch - 1; i < manifest::kMaxMsrRules; i += kStretch) {
        const manifest::MsrRule* rule = manifest.msrs.at(i);
        if (rule == nullptr || rule->last >= index) {
            break;
        }
        start = i + 1;
    }
    for (u32 i = start; i < manifest::kMaxMsrRules; i++) {
        const manifest::MsrRule* rule = manifest.msrs.at(i);
        if (rule == nullptr) {
            break;
        }
        if (rule->last < index) {
            continue;
        }
        if (rule->first > index) {
            break; // sorted: in no rule
        }
        if (exit.kind == ExitKind::msr_read) {
            read(manifest, cpu, *rule, index, effects);
        } else {
            write(manifest, cpu, *rule, index, exit.value, effects);
        }
        return;
    }
    inject_exception(effects, kVectorProtection);
}

} // namespace septum::kernel::core
