// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/reset.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/x86_64/apic/local_apic.hpp"

namespace septum::kernel::lifecycle {

namespace {

constexpr u32 kXsave = 1u << 26; // CPUID 1 ECX
constexpr u32 kAvx = 1u << 28;
constexpr u32 kRdtscp = 1u << 27; // CPUID 8000_0001 EDX

// An FXSAVE image (APM 1 §11.4.4) of freshly initialised x87 and SSE state: FCW 0x37F, MXCSR 0x1F80, the rest zero.
struct alignas(16) FxImage {
    u16 control = 0x37F;
    u8 zero0[22] = {};
    u32 mxcsr = 0x1F80;
    u8 zero1[512 - 28] = {};
};
static_assert(sizeof(FxImage) == 512);
constexpr FxImage kFresh;

} // namespace

void reset_hardware(PerCpu& cpu) {
    apic::quiesce(cpu.manifest.apic);
    const u32 features = hw::cpuid(1).registers[2];
    if ((features & kXsave) != 0) {
        if ((features & kAvx) != 0) {
            hw::write_xcr0(7);
            asm volatile("vzeroall" ::: "memory");
        }
        hw::write_xcr0(1);
    }
    asm volatile("fninit\n\tfxrstor %0" : : "m"(kFresh));
    asm volatile("mov %0, %%dr0\n\tmov %0, %%dr1\n\tmov %0, %%dr2\n\tmov %0, %%dr3" : : "r"(0ULL));
    if ((hw::cpuid(0x8000'0001).registers[3] & kRdtscp) != 0) {
        hw::write_msr(hw::kMsrTscAux, 0);
    }
}

} // namespace septum::kernel::lifecycle
