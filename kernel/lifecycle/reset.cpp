// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/reset.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/lifecycle/device.hpp"
#include "kernel/x86_64/apic/local_apic.hpp"

namespace septum::kernel::lifecycle {

namespace {

constexpr u32 kXsave = 1u << 26;  // CPUID 1 ECX
constexpr u32 kRdtscp = 1u << 27; // CPUID 8000_0001 EDX

// An XSAVE image (APM 1 §11.5) that FXRSTOR reads too (§11.4.4). Its header marks every component as initial; FCW 0x37F is
// for FXRSTOR, MXCSR 0x1F80 is loaded by either.
struct alignas(64) Image {
    u16 control = 0x37F;
    u8 zero0[22] = {};
    u32 mxcsr = 0x1F80;
    u8 zero1[512 - 28] = {};
    u8 header[64] = {};
};
static_assert(sizeof(Image) == 576);
constexpr Image kFresh;

void reset_debug_registers() {
    asm volatile("mov %0, %%dr0\n\tmov %0, %%dr1\n\tmov %0, %%dr2\n\tmov %0, %%dr3" : : "r"(0ULL));
}

// A guest enables in XCR0 what the processor has, whatever CPUID shows it: all of that is initialised.
void reset_vectors() {
    asm volatile("fninit\n\tfxrstor %0" : : "m"(kFresh));
    if ((hw::cpuid(1).registers[2] & kXsave) == 0) {
        return;
    }
    const hw::CpuidValue states = hw::cpuid(0xD);
    hw::write_xcr0(u64{states.registers[3]} << 32 | states.registers[0]);
    asm volatile("xrstor64 %0" : : "m"(kFresh), "a"(states.registers[0]), "d"(states.registers[3]));
    hw::write_xcr0(1);
}

} // namespace

void reset_hardware(PerCpu& cpu) {
    apic::quiesce(cpu.manifest.apic);
    reset_vectors();
    reset_debug_registers();
    if ((hw::cpuid(0x8000'0001).registers[3] & kRdtscp) != 0) {
        hw::write_msr(hw::kMsrTscAux, 0);
    }
    look_for_faults(cpu); // the local APIC's reset may have taken the NMI that told of one
}

void reset_by_init(PerCpu& cpu) {
    apic::quiesce(cpu.manifest.apic);
    reset_debug_registers();
    look_for_faults(cpu);
}

} // namespace septum::kernel::lifecycle
