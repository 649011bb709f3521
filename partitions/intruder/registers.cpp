// SPDX-License-Identifier: Apache-2.0
// Model-specific registers it was not given.
#include "partitions/intruder/attack.hpp"

#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::intruder::registers {
namespace {

using guest::Hex;
namespace cpu = guest::cpu;

// APM 2 appendix A.
constexpr u32 kApicBase = 0x1B;
constexpr u32 kMtrrPhysBase0 = 0x200;
constexpr u32 kPatchLoader = 0xC001'0020;
constexpr u32 kEfer = 0xC000'0080;
constexpr u32 kSmmBase = 0xC001'0111;
constexpr u32 kHostSaveArea = 0xC001'0117;
constexpr u32 kNobodys = 0x1234'5678; // outside every range of the MSR permission map (§15.11)

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

Result move_local_apic(const Try& t) {
    t.say("move its local APIC over other memory");
    const u64 before = cpu::read_msr(kApicBase);
    const bool faulted = refused(write, {kApicBase, 0x3000'0000 | (before & 0xFFF)});
    return cpu::read_msr(kApicBase) != before ? breach("it moved")
           : faulted                          ? nothing("general protection")
                                              : nothing("ignored");
}

Result unknown_register(const Try& t) {
    t.say("read and write an MSR that the permission map does not cover, ", Hex{kNobodys});
    return refused(read, {kNobodys, 0}) && refused(write, {kNobodys, 1}) ? nothing("general protection")
                                                                         : breach("it answered");
}

Result read_host_save_area(const Try& t) {
    t.say("read where the kernel's own state is saved, MSR ", Hex{kHostSaveArea});
    guest::say("intruder: found ", Hex{cpu::read_msr(kHostSaveArea)});
    return breach("it answered");
}

Result write_smm_base(const Try& t) {
    t.say("move system management mode into its own memory, MSR ", Hex{kSmmBase});
    cpu::write_msr(kSmmBase, 0x10'0000);
    return kWritten;
}

Result write_memory_types(const Try& t) {
    t.say("change the machine's memory types, MSR ", Hex{kMtrrPhysBase0});
    cpu::write_msr(kMtrrPhysBase0, 0);
    return kWritten;
}

Result load_microcode(const Try& t) {
    t.say("load microcode of its own, MSR ", Hex{kPatchLoader});
    cpu::write_msr(kPatchLoader, 0x10'0000);
    return kWritten;
}

Result look_for_svm(const Try& t) {
    t.say("look for virtualisation in CPUID");
    constexpr u32 kVmx = 1U << 5; // leaf 1 ECX
    constexpr u32 kSvm = 1U << 2; // leaf 8000_0001 ECX
    const auto features = cpu::cpuid(0x8000'000A);
    const bool seen = (cpu::cpuid(1).ecx & kVmx) != 0 || (cpu::cpuid(0x8000'0001).ecx & kSvm) != 0 ||
                      (features.eax | features.ebx | features.ecx | features.edx) != 0;
    return seen ? breach("CPUID offers it") : nothing("there is none to be seen");
}

Result enable_svm(const Try& t) {
    t.say("switch virtualisation on, EFER.SVME");
    const u64 before = cpu::read_msr(kEfer);
    if ((before & kSvme) != 0) {
        return breach("it is on already");
    }
    const bool faulted = refused(write, {kEfer, before | kSvme});
    return (cpu::read_msr(kEfer) & kSvme) != 0 ? breach("it is on")
           : faulted                           ? nothing("general protection")
                                               : nothing("ignored");
}

} // namespace septum::intruder::registers
