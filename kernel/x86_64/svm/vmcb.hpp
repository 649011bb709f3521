// SPDX-License-Identifier: Apache-2.0
// The virtual machine control block (APM 2 appendix B), as far as the kernel reads or writes it at run time; everything else
// in it was decided offline and comes with the template.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::svm {

struct Segment {
    u16 selector;
    u16 attributes;
    u32 limit;
    u64 base;
};

struct Vmcb {
    // Control area, table B-1.
    u8 reserved000[0x0C];
    u32 intercept_misc1;       // 0x00C
    u32 intercept_misc2;       // 0x010
    u8 reserved014[0x5C - 0x14];
    u8 tlb_control;            // 0x05C: 0 nothing, 1 flush everything
    u8 reserved05d[3];
    u64 interrupt_control;     // 0x060: V_IRQ and its vector
    u64 interrupt_shadow;      // 0x068
    u64 exit_code;             // 0x070
    u64 exit_info1;            // 0x078
    u64 exit_info2;            // 0x080
    u64 exit_interrupt_info;   // 0x088
    u8 reserved090[0xA8 - 0x90];
    u64 event_injection;       // 0x0A8
    u8 reserved0b0[0xC8 - 0xB0];
    u64 next_rip;              // 0x0C8
    u8 fetched;                // 0x0D0: how many of the next bytes count (decode assists)
    u8 instruction[15];        // 0x0D1
    u8 reserved0e0[0x400 - 0xE0];
    // State save area, table B-2.
    Segment es;                // 0x400
    Segment cs;                // 0x410
    u8 reserved420[0x4CB - 0x420];
    u8 cpl;                    // 0x4CB
    u8 reserved4cc[4];
    u64 efer;                  // 0x4D0
    u8 reserved4d8[0x548 - 0x4D8];
    u64 cr4;                   // 0x548
    u64 cr3;                   // 0x550
    u64 cr0;                   // 0x558
    u64 dr7;                   // 0x560
    u64 dr6;                   // 0x568
    u64 rflags;                // 0x570
    u64 rip;                   // 0x578
    u8 reserved580[0x5D8 - 0x580];
    u64 rsp;                   // 0x5D8
    u8 reserved5e0[0x5F8 - 0x5E0];
    u64 rax;                   // 0x5F8
    u8 reserved600[0x1000 - 0x600];
};
static_assert(sizeof(Vmcb) == kPageSize);
static_assert(offsetof(Vmcb, tlb_control) == 0x05C && offsetof(Vmcb, exit_code) == 0x070);
static_assert(offsetof(Vmcb, event_injection) == 0x0A8 && offsetof(Vmcb, next_rip) == 0x0C8);
static_assert(offsetof(Vmcb, fetched) == 0x0D0 && offsetof(Vmcb, cr3) == 0x550 && offsetof(Vmcb, rsp) == 0x5D8);
static_assert(offsetof(Vmcb, cs) == 0x410 && offsetof(Vmcb, cpl) == 0x4CB && offsetof(Vmcb, efer) == 0x4D0);
static_assert(offsetof(Vmcb, cr4) == 0x548 && offsetof(Vmcb, rip) == 0x578 && offsetof(Vmcb, rsp) == 0x5D8);
static_assert(offsetof(Vmcb, rax) == 0x5F8);

inline constexpr u32 kInterceptVintr = 1u << 4;  // misc1
inline constexpr u32 kInterceptIret = 1u << 20;  // misc1
inline constexpr u64 kVirtualIrq = 1ULL << 8;    // interrupt_control: V_IRQ
inline constexpr u64 kVirtualIgnoreTpr = 1ULL << 20;
inline constexpr u64 kEventValid = 1ULL << 31;   // event_injection, exit_interrupt_info (APM 2 §15.20)
inline constexpr u64 kEventHasError = 1ULL << 11;

// Exit codes (APM 2 appendix C).
enum ExitCode : u32 {
    kExitDebug = 0x41,
    kExitAlignment = 0x51,
    kExitMachineCheck = 0x52,
    kExitNmi = 0x61,
    kExitInit = 0x63,
    kExitWindow = 0x64,
    kExitCounter = 0x6F,
    kExitCpuid = 0x72,
    kExitRsm = 0x73,
    kExitIret = 0x74,
    kExitInvd = 0x76,
    kExitInvlpga = 0x7A,
    kExitIo = 0x7B,
    kExitMsr = 0x7C,
    kExitShutdown = 0x7F,
    kExitVmrun = 0x80,
    kExitHypercall = 0x81,
    kExitVmload = 0x82,
    kExitVmsave = 0x83,
    kExitStgi = 0x84,
    kExitClgi = 0x85,
    kExitSkinit = 0x86,
    kExitIcebp = 0x88,
    kExitWbinvd = 0x89,
    kExitMonitor = 0x8A,
    kExitMwait = 0x8B,
    kExitMwaitArmed = 0x8C,
    kExitRdpru = 0x8E,
    kExitInvlpgb = 0xA0,
    kExitInvlpgbIllegal = 0xA1,
    kExitMcommit = 0xA3,
    kExitTlbsync = 0xA4,
    kExitNested = 0x400,
    kExitInvalid = 0xFFFF'FFFF, // some emulators give 32 bits of the 64
};

} // namespace septum::kernel::svm
