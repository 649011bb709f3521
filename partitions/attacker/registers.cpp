// SPDX-License-Identifier: Apache-2.0
// Model-specific registers it was not given.
#include "partitions/attacker/attack.hpp"

#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::attacker::registers {
namespace {

namespace cpu = guest::cpu;

// APM 2 appendix A.
constexpr u32 kApicBase = 0x1B;
constexpr u32 kMtrrPhysBase0 = 0x200;
constexpr u32 kPatchLoader = 0xC001'0020;
constexpr u32 kEfer = 0xC000'0080;
constexpr u32 kSmmBase = 0xC001'0111;
constexpr u32 kHostSaveArea = 0xC001'0117;
constexpr u32 kNobodys = 0x1234'5678; // outside every range of the MSR permission map (§15.11)

constexpr u32 kPat = 0x277;

constexpr u64 kSvme = 1 << 12;
constexpr u64 kGeneralProtection = 13;

// An access to try under attempt().
struct Access {
    u32 msr;
    u64 value;
};
void read(void* argument) {
    auto& access = *static_cast<Access*>(argument);
    access.value = cpu::read_msr(access.msr);
}
void write(void* argument) {
    const auto& access = *static_cast<const Access*>(argument);
    cpu::write_msr(access.msr, access.value);
}

bool refused(void (*how)(void*), Access access) {
    return guest::attempt(how, &access) == kGeneralProtection;
}

constexpr Result kWritten = breach("the write went through");

} // namespace

Result move_local_apic(const Try&) {
    const u64 before = cpu::read_msr(kApicBase);
    const bool faulted = refused(write, {kApicBase, 0x3000'0000 | (before & 0xFFF)});
    return cpu::read_msr(kApicBase) != before ? breach("it moved")
           : faulted                          ? nothing("general protection")
                                              : nothing("ignored");
}

Result unknown_register(const Try&) {
    return refused(read, {kNobodys, 0}) && refused(write, {kNobodys, 1}) ? nothing("general protection")
                                                                         : breach("it answered");
}

Result read_host_save_area(const Try&) {
    (void)cpu::read_msr(kHostSaveArea);
    return breach("it answered");
}

Result write_smm_base(const Try&) {
    cpu::write_msr(kSmmBase, 0x10'0000);
    return kWritten;
}

Result write_memory_types(const Try&) {
    cpu::write_msr(kMtrrPhysBase0, 0);
    return kWritten;
}

Result load_microcode(const Try&) {
    cpu::write_msr(kPatchLoader, 0x10'0000);
    return kWritten;
}

Result look_for_svm(const Try&) {
    constexpr u32 kVmx = 1U << 5; // leaf 1 ECX
    constexpr u32 kSvm = 1U << 2; // leaf 8000_0001 ECX
    const auto features = cpu::cpuid(0x8000'000A);
    const bool seen = (cpu::cpuid(1).ecx & kVmx) != 0 || (cpu::cpuid(0x8000'0001).ecx & kSvm) != 0 ||
                      (features.eax | features.ebx | features.ecx | features.edx) != 0;
    return seen ? breach("CPUID offers it") : nothing("there is none to be seen");
}

Result enable_svm(const Try&) {
    const u64 before = cpu::read_msr(kEfer);
    if ((before & kSvme) != 0) {
        return breach("it is on already");
    }
    const bool faulted = refused(write, {kEfer, before | kSvme});
    return (cpu::read_msr(kEfer) & kSvme) != 0 ? breach("it is on")
           : faulted                           ? nothing("general protection")
                                               : nothing("ignored");
}

Result leave_x2apic(const Try&) {
    const u64 before = cpu::read_msr(kApicBase);
    constexpr u64 kX2apic = 1 << 10;
    constexpr u64 kEnabled = 1 << 11;
    const u64 values[] = {before & ~kX2apic, before & ~kEnabled, before & ~(kX2apic | kEnabled), u64{0}};
    for (const u64 value : values) {
        (void)refused(write, {kApicBase, value});
        if (cpu::read_msr(kApicBase) != before) {
            return breach("it was taken");
        }
    }
    return nothing("it stays as it is");
}

Result read_forbidden(const Try& t) {
    constexpr u32 kRegisters[] = {0x79,        0x9B,        0x9E,        0xC001'0016, 0xC001'0019, 0xC001'0020,
                                  0xC001'0111, 0xC001'0112, 0xC001'0113, 0xC001'0114, 0xC001'0116, 0xC001'011B};
    (void)cpu::read_msr(kRegisters[t.variant() % 12]);
    return breach("it answered");
}

Result write_forbidden(const Try& t) {
    constexpr u32 kRegisters[] = {0x79,        0x8B,        0x9B,        0x9E,        0x201,
                                  0x20F,       0x250,       0x259,       0x26F,       0x2FE,
                                  0xC001'0010, 0xC001'0016, 0xC001'0019, 0xC001'001A, 0xC001'001D,
                                  0xC001'0058, 0xC001'0114, 0xC001'0117, 0xC001'011B, 0xC001'0140};
    cpu::write_msr(kRegisters[t.variant() % 20], 0);
    return kWritten;
}

// IA32_MCG_STATUS and the banks from 0x400 on (APM 2 §9.3).
Result machine_check_banks(const Try&) {
    constexpr u32 kStatus = 0x17A;
    constexpr u32 kBanks = 0x400;
    constexpr u64 kUncorrected = 0xB200'0000'0000'0000; // valid, uncorrected, enabled, context corrupt
    if (!refused(write, {kStatus, 0x4})) {
        return breach("the status was taken");
    }
    for (u32 i = 0; i < 64; ++i) {
        if (!refused(write, {kBanks + i, kUncorrected}) || !refused(read, {kBanks + i, 0})) {
            return breach("a bank answered");
        }
    }
    return nothing("general protection");
}

Result illegal_efer(const Try&) {
    const u64 before = cpu::read_msr(kEfer);
    constexpr u64 kAllowed = 0xD01; // SCE, LME, LMA, NXE; and LMA does as it likes
    for (u32 bit = 0; bit < 64; ++bit) {
        const u64 value = before | 1ULL << bit;
        if ((kAllowed >> bit & 1) == 0 && !refused(write, {kEfer, value})) {
            return breach("a bit was taken");
        }
    }
    constexpr u64 kLongMode = 1 << 8;
    if (!refused(write, {kEfer, before & ~kLongMode})) {
        return breach("long mode was left with paging on");
    }
    return cpu::read_msr(kEfer) == before ? nothing("general protection") : breach("it changed");
}

// The guest's own attributes under nested paging (APM 2 §15.25.8). What an emulated processor takes is gone with the
// next write.
Result illegal_page_attributes(const Try&) {
    const u64 before = cpu::read_msr(kPat);
    constexpr u64 kReserved[] = {2, 3, 8, 0x10, 0xFF}; // APM 2 table 7-10
    bool all_refused = true;
    for (const u64 type : kReserved) {
        all_refused = refused(write, {kPat, (before & ~0xFFULL) | type}) && all_refused;
        (void)cpu::cpuid(0); // an exit, and an entry, in that state
    }
    cpu::write_msr(kPat, before);
    return all_refused ? nothing("general protection") : nothing("taken, and only its own");
}

} // namespace septum::attacker::registers
