// SPDX-License-Identifier: Apache-2.0
// The local APIC as a guest sees it: x2APIC registers (APM 2 §16.11; SDM 3 §11.12), filtered.
#include "kernel/core/decide.hpp"

namespace septum::kernel::core {

namespace {

// Register numbers, MSR 0x800 + n.
enum : u32 {
    kId = 0x802,
    kVersion = 0x803,
    kTpr = 0x808,
    kPpr = 0x80A,
    kEoi = 0x80B,
    kLdr = 0x80D,
    kSvr = 0x80F,
    kIsrFirst = 0x810,
    kIrrLast = 0x827,
    kEsr = 0x828,
    kIcr = 0x830,
    kLvtTimer = 0x832,
    kLvtThermal = 0x833,
    kLvtCounter = 0x834,
    kLvtLint0 = 0x835,
    kLvtLint1 = 0x836,
    kLvtError = 0x837,
    kInitialCount = 0x838,
    kCurrentCount = 0x839,
    kDivide = 0x83E,
    kSelfIpi = 0x83F,
};

enum DeliveryMode : u32 { kFixed = 0, kLowest = 1, kSmi = 2, kNmi = 4, kInit = 5, kStartup = 6, kExtInt = 7 };

constexpr u64 kLvtMasked = 1u << 16;
constexpr u64 kLvtVector = 0xFF;
constexpr u64 kTimerPeriodic = 1u << 17;
constexpr u64 kTimerDeadline = 1u << 18;
constexpr u64 kSvrWritable = 0x1FF; // vector and software enable
constexpr u32 kFirstLegalVector = 16;

bool readable(u32 index) {
    switch (index) {
    case kId:
    case kVersion:
    case kTpr:
    case kPpr:
    case kLdr:
    case kSvr:
    case kEsr:
    case kInitialCount:
    case kCurrentCount:
    case kDivide: return true;
    default: return (index >= kIsrFirst && index <= kIrrLast) || (index >= kLvtTimer && index <= kLvtError);
    }
}

u32 logical_id(u32 apic_id) { return (apic_id >> 4) << 16 | 1u << (apic_id & 15); }

// The partition's vCPUs an ICR value addresses, as a bit set.
u64 targets_of(const Manifest& manifest, const CpuState& cpu, u64 icr) {
    const u32 destination = static_cast<u32>(icr >> 32);
    const bool logical = (icr >> 11 & 1) != 0;
    const u32 shorthand = icr >> 18 & 3;
    u64 targets = 0;
    for (u32 i = 0; i < manifest::kMaxCpusPerPartition; i++) {
        const manifest::Cpu* candidate = manifest.cpus.at(i);
        if (candidate == nullptr) {
            break;
        }
        const bool self = i == cpu.vcpu;
        bool hit = false;
        switch (shorthand) {
        case 1: hit = self; break;
        case 2: hit = true; break;
        case 3: hit = !self; break;
        default:
            if (destination == 0xFFFF'FFFF) {
                hit = true;
            } else if (logical) {
                const u32 id = logical_id(candidate->apic_id);
                hit = (id >> 16) == (destination >> 16) && (id & destination & 0xFFFF) != 0;
            } else {
                hit = candidate->apic_id == destination;
            }
            break;
        }
        if (hit) {
            targets |= 1ULL << i;
        }
    }
    return targets;
}

void post(Effects& effects, u64 targets, u32 mail) {
    effects.set |= kPost | kAdvance;
    effects.targets = targets;
    effects.mail = mail;
}

void send(const Manifest& manifest, CpuState& cpu, u64 icr, Effects& effects) {
    const u32 vector = icr & 0xFF;
    const u32 mode = icr >> 8 & 7;
    const u32 shorthand = icr >> 18 & 3;
    u64 targets = targets_of(manifest, cpu, icr);
    if (targets == 0 && shorthand == 0) {
        forbid(effects, Fault::ipi_target);
        return;
    }
    cpu.icr = icr;
    switch (mode) {
    case kLowest:
        targets &= ~targets + 1; // any one will do: the first
        [[fallthrough]];
    [[likely]] case kFixed:
        effects.set |= kAdvance;
        if (vector >= kFirstLegalVector && targets != 0) { // an illegal vector is an APIC error, and nothing else
            effects.set |= kInterrupt;
            effects.vector = static_cast<u8>(vector);
            effects.targets = targets;
        }
        break;
    case kNmi: post(effects, targets, kMailNmi); break;
    case kInit:
        if ((icr >> 14 & 1) == 0 && (icr >> 15 & 1) != 0) { // level de-assert: synchronises arbitration ids, no INIT
            effects.set |= kAdvance;
        } else {
            post(effects, targets, kMailInit);
        }
        break;
    case kStartup: post(effects, targets, kMailSipi | vector << 8); break;
    default: forbid(effects, Fault::ipi_mode); break; // SMI, ExtINT and the reserved one
    }
}

void write_lvt(u32 index, u64 value, Effects& effects) {
    const u32 mode = value >> 8 & 7;
    u64 physical = value & (kLvtVector | kLvtMasked);
    if (index == kLvtTimer) {
        if ((value & kTimerDeadline) != 0) { // not offered by CPUID
            inject_exception(effects, kVectorProtection);
            return;
        }
        physical |= value & kTimerPeriodic;
    } else if (index == kLvtLint0 || index == kLvtLint1) {
        physical |= kLvtMasked; // the legacy lines belong to nobody
    } else if (mode == kNmi) {
        physical |= kLvtMasked; // its sources are hidden, and a physical NMI is the kernel's
    } else if (mode != kFixed && (value & kLvtMasked) == 0) {
        forbid(effects, Fault::lvt_mode);
        return;
    }
    effects.set |= kAdvance | kApicWrite;
    effects.apic_register = index;
    effects.value = physical;
}

} // namespace

void answer_apic_read(const Manifest& manifest, CpuState& cpu, u32 index, Effects& effects) {
    u64 value = 0;
    if (index == kLdr && manifest.apic == manifest::ApicMode::xapic) {
        value = logical_id(cpu.apic_id);
    } else if (index == kId) {
        value = cpu.apic_id;
    } else if (index == kIcr) {
        value = cpu.icr;
    } else if (readable(index)) {
        effects.set |= kAdvance | kApicRead;
        effects.apic_register = index;
        return;
    } else {
        inject_exception(effects, kVectorProtection);
        return;
    }
    effects.set |= kAdvance;
    cpu.registers[kRax] = static_cast<u32>(value);
    cpu.registers[kRdx] = value >> 32;
}

void answer_apic_write(const Manifest& manifest, CpuState& cpu, u32 index, u64 value, Effects& effects) {
    if (index == kIcr) {
        send(manifest, cpu, value, effects);
        return;
    }
    if (value >> 32 != 0) { // every other register is 32 bits wide
        inject_exception(effects, kVectorProtection);
        return;
    }
    switch (index) {
    case kTpr:
    case kEoi:
    case kEsr:
    case kInitialCount:
    case kDivide: break;
    case kSvr: value &= kSvrWritable; break;
    case kSelfIpi:
        effects.set |= kAdvance;
        if ((value & kLvtVector) >= kFirstLegalVector) {
            effects.set |= kInterrupt;
            effects.vector = static_cast<u8>(value);
            effects.targets = 1ULL << cpu.vcpu;
        }
        return;
    case kLvtTimer:
    case kLvtThermal:
    case kLvtCounter:
    case kLvtLint0:
    case kLvtLint1:
    case kLvtError: write_lvt(index, value, effects); return;
    default: inject_exception(effects, kVectorProtection); return;
    }
    effects.set |= kAdvance | kApicWrite;
    effects.apic_register = index;
    effects.value = value;
}

} // namespace septum::kernel::core
