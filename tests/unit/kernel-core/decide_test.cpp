// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

#include <septum/guest/hypercall.hpp>

namespace septum::kernel::core {

struct Msrs : Machine {};
struct Cpuid : Machine {};
struct Hypercalls : Machine {};
struct Events : Machine {};

TEST_F(Msrs, AnsweredByTheirRule) {
    read(0x8B);
    EXPECT_EQ(rax(), 0x5678'9ABCu);
    EXPECT_EQ(cpu.registers[kRdx], 0x1234u);
    write(0x8B, 0);
    expect_fault(Fault::msr_write);
    write(0x10, 5);
    EXPECT_EQ(effects.set, kAdvance);
    read(0xC001'0117);
    expect_fault(Fault::msr_read);
    for (const u32 unknown : {0u, 0x11u, 0xC000'0081u, 0xC001'0119u, 0xFFFF'FFFFu}) {
        read(unknown);
        expect_exception(kVectorProtection);
        write(unknown, 0);
        expect_exception(kVectorProtection);
    }
}

TEST_F(Msrs, ApicBaseIsX2apicWithBspOnTheFirstCpu) {
    read(0x1B);
    EXPECT_EQ(rax(), 0xFEE0'0D00u);
    cpu.vcpu = 1;
    read(0x1B);
    EXPECT_EQ(rax(), 0xFEE0'0C00u);
    write(0x1B, 0xFEE0'0C00);
    EXPECT_EQ(effects.set, kAdvance);
    write(0x1B, 0xFEC0'0C00);
    expect_exception(kVectorProtection);
    write(0x1B, 0xFEE0'0800);
    expect_exception(kVectorProtection);
}

TEST_F(Msrs, EferHidesSvmeAndFixesLongModeUnderPaging) {
    cpu.efer = 0xD01;
    cpu.cr0 = 0x8000'0011;
    write(0xC000'0080, 0x1D01); // SVME
    expect_exception(kVectorProtection);
    write(0xC000'0080, 0xC00); // LME off under paging
    expect_exception(kVectorProtection);
    write(0xC000'0080, 0x901); // LMA is not the guest's to write: it stays
    EXPECT_EQ(effects.set, kAdvance | kSetEfer);
    EXPECT_EQ(effects.value, 0xD01u);
    cpu.efer = 0;
    cpu.cr0 = 0x11;
    write(0xC000'0080, 0x500); // LMA without long mode does not appear
    EXPECT_EQ(effects.value, 0x100u);
}

TEST_F(Cpuid, ByLeafAndSubleafZeroElsewhere) {
    cpuid.entries[0] = {manifest::kCpuidAnySubleaf,
                        manifest::kPatchApicIdEbx | manifest::kPatchOsxsave,
                        {1, 0xFF00'0002, 0x0800'0003, 4}};
    cpuid.entries[1] = {0, 0, {10, 11, 12, 13}};
    cpuid.entries[2] = {1, manifest::kPatchApicIdEdx, {20, 21, 22, 23}};
    cpuid.first[0][1] = 1;
    cpuid.entries_of[0][1] = 1;
    cpuid.first[2][8] = 2;
    cpuid.entries_of[2][8] = 2;
    const auto ask = [&](u32 leaf, u32 subleaf) {
        cpu.registers[kRax] = 0xABCD'0000'0000'0000 | leaf;
        cpu.registers[kRcx] = subleaf;
        step({.kind = ExitKind::cpuid});
        EXPECT_EQ(effects.set, kAdvance);
        return std::vector<u64>{cpu.registers[kRax], cpu.registers[kRbx], cpu.registers[kRcx], cpu.registers[kRdx]};
    };
    EXPECT_EQ(ask(1, 77), (std::vector<u64>{1, 0x0400'0002, 0x0000'0003, 4}));
    cpu.cr4 = 1u << 18;
    EXPECT_EQ(ask(1, 0)[2], 0x0800'0003u);
    EXPECT_EQ(ask(0x8000'0008, 0), (std::vector<u64>{10, 11, 12, 13}));
    EXPECT_EQ(ask(0x8000'0008, 1), (std::vector<u64>{20, 21, 22, kFirstApicId}));
    const std::vector<u64> nothing{0, 0, 0, 0};
    EXPECT_EQ(ask(0x8000'0008, 2), nothing);
    EXPECT_EQ(ask(0, 0), nothing);
    for (const u32 leaf : {0x20u, 0x21u, 0x4000'0001u, 0x4000'0021u, 0x8000'0028u, 0xC000'0001u, 0xFFFF'FFFFu}) {
        EXPECT_EQ(ask(leaf, 0), nothing) << leaf;
    }
}

TEST_F(Hypercalls, OnlyFromPrivilegeZero) {
    cpu.registers[kRax] = static_cast<u32>(guest::Hypercall::stop);
    step({.kind = ExitKind::hypercall, .privilege = 3});
    expect_exception(kVectorInvalidOpcode);
}

TEST_F(Hypercalls, Answers) {
    const auto call = [&](u64 number, u64 argument = 0) {
        cpu.registers[kRax] = number;
        cpu.registers[kRdi] = argument;
        step({.kind = ExitKind::hypercall});
        EXPECT_NE(effects.set & kAdvance, 0u);
        return rax();
    };
    EXPECT_EQ(call(static_cast<u32>(guest::Hypercall::version)), guest::kInterfaceVersion);
    EXPECT_EQ(call(static_cast<u32>(guest::Hypercall::doorbell), 0), 0u);
    EXPECT_EQ(effects.set, kAdvance | kBell);
    for (const u64 wild : {1ULL, 2ULL, 255ULL, 1ULL << 32, ~0ULL}) {
        EXPECT_EQ(call(static_cast<u32>(guest::Hypercall::doorbell), wild), guest::kDenied) << wild;
        EXPECT_EQ(effects.set, kAdvance);
    }
    EXPECT_EQ(call(static_cast<u32>(guest::Hypercall::pending)), guest::kNone);
    partition.rung[1] = 1;
    EXPECT_EQ(call(static_cast<u32>(guest::Hypercall::pending)), 64u);
    EXPECT_EQ(call(0), guest::kUnknown);
    EXPECT_EQ(call(0x5345'5006), guest::kUnknown);
    call(static_cast<u32>(guest::Hypercall::restart));
    EXPECT_EQ(effects.set, kAdvance | kRestart);
}

TEST_F(Hypercalls, VmwareTiming) {
    cpu.registers[kRax] = guest::kVmwareMagic;
    cpu.registers[kRcx] = guest::kVmwareGetHz;
    step({.kind = ExitKind::hypercall});
    EXPECT_EQ(rax(), 0x2345'6789u);
    EXPECT_EQ(cpu.registers[kRbx], 1u);
    cpu.registers[kRax] = guest::kVmwareMagic;
    cpu.registers[kRcx] = guest::kVmwareGetVcpuInfo;
    step({.kind = ExitKind::hypercall});
    EXPECT_EQ(rax(), 8u);
    cpu.registers[kRax] = guest::kVmwareMagic;
    cpu.registers[kRcx] = 91;
    step({.kind = ExitKind::hypercall});
    EXPECT_EQ(rax(), 0xFFFF'FFFFu);
}

TEST_F(Events, DebugAndAlignmentAreReflectedUntilTheyLoop) {
    step({.kind = ExitKind::debug, .rip = 1, .rsp = 2});
    expect_exception(kVectorDebug);
    step({.kind = ExitKind::alignment, .rip = 1, .rsp = 2});
    expect_exception(kVectorAlignment);
    EXPECT_TRUE(effects.inject.has_error);
    step({.kind = ExitKind::debug, .delivering = true, .rip = 1, .rsp = 2});
    expect_fault(Fault::debug_loop);
    step({.kind = ExitKind::alignment, .delivering = true});
    expect_fault(Fault::alignment_loop);
}

TEST_F(Events, TheSameFaultFromTheSamePlaceForEverIsALoop) {
    u32 rounds = 0;
    do {
        step({.kind = ExitKind::alignment, .rip = 0x1000, .rsp = 0x2000});
        rounds++;
    } while ((effects.set & kFault) == 0 && rounds < 1'000'000);
    expect_fault(Fault::alignment_loop);
    EXPECT_EQ(rounds, 65'536u);
}

TEST_F(Events, SteppingThroughCodeIsNoLoop) {
    for (u64 rip = 0; rip < 200'000; rip++) {
        step({.kind = ExitKind::debug, .rip = rip, .rsp = 0x2000});
        ASSERT_EQ(effects.set, kInject);
    }
}

TEST_F(Events, RingThreeCannotHaveItsPartitionClosedByWatchpoints) {
    for (u32 round = 0; round < 200'000; round++) {
        step({.kind = ExitKind::debug, .privilege = 3, .rip = 0x1000, .rsp = 0x2000});
        ASSERT_EQ(effects.set, kInject);
    }
    step({.kind = ExitKind::alignment, .privilege = 3, .delivering = true, .rip = 0x1000, .rsp = 0x2000});
    expect_fault(Fault::alignment_loop); // nor may it hold the processor
}

TEST_F(Events, MachineChecksAndPhysicalInitAreNoPartitionsBusiness) {
    for (u32 i = 0; i < static_cast<u32>(Fault::count); i++) {
        const Fault fault = static_cast<Fault>(i);
        EXPECT_EQ(is_of_machine(fault), fault == Fault::machine_check || fault == Fault::init);
    }
}

TEST_F(Events, WhatIsNeverResumed) {
    const std::pair<ExitKind, Fault> cases[] = {
        {ExitKind::memory, Fault::memory},
        {ExitKind::machine_check, Fault::machine_check},
        {ExitKind::init, Fault::init},
        {ExitKind::shutdown, Fault::triple_fault},
        {ExitKind::broken, Fault::broken_state},
        {ExitKind::virtualisation, Fault::virtualisation},
        {ExitKind::unknown, Fault::unknown_exit},
        {ExitKind::count, Fault::unknown_exit},
    };
    for (const auto& [kind, fault] : cases) {
        step({.kind = kind});
        expect_fault(fault);
    }
}

TEST_F(Events, WhatHardwareWouldNotHave) {
    step({.kind = ExitKind::missing});
    expect_exception(kVectorInvalidOpcode);
    step({.kind = ExitKind::counter});
    expect_exception(kVectorProtection);
    step({.kind = ExitKind::cache});
    EXPECT_EQ(effects.set, kAdvance);
}

TEST_F(Events, NmiDoesNotNest) {
    mail(kMailNmi);
    EXPECT_EQ(effects.set, kInject | kWatchIret | kCloseWindow);
    EXPECT_EQ(effects.inject.vector, kVectorNmi);
    mail(kMailNmi); // in the handler
    EXPECT_EQ(effects.set, 0u);
    step({.kind = ExitKind::iret});
    EXPECT_EQ(effects.set, kIgnoreIret | kOpenWindow);
    step({.kind = ExitKind::window});
    EXPECT_EQ(effects.set, kInject | kWatchIret | kCloseWindow);
    step({.kind = ExitKind::iret});
    EXPECT_EQ(effects.set, kIgnoreIret);
}

TEST_F(Events, NmiWaitsForAnInjectionUnderWay) {
    effects = {};
    effects.set = kInject;
    decide_mail(cpu, kMailNmi, effects);
    EXPECT_EQ(effects.set, kInject | kKnock);
    mail(0); // the knock
    EXPECT_EQ(effects.inject.vector, kVectorNmi);
}

TEST_F(Events, NmiBeforeTheIretIsThroughDoesNotNest) {
    mail(kMailNmi);
    step({.kind = ExitKind::iret, .rip = 0x5000, .rsp = 0x7000});
    EXPECT_EQ(effects.set, u32{kIgnoreIret});
    cpu.rip = 0x5000; // the knock came before the IRET ran
    cpu.rsp = 0x7000;
    mail(kMailNmi);
    EXPECT_EQ(effects.set, u32{kOpenWindow});
    step({.kind = ExitKind::window});
    EXPECT_EQ(effects.set, kInject | kWatchIret | kCloseWindow);
}

TEST_F(Events, NmiBehindTheIretIsTakenAtOnce) {
    mail(kMailNmi);
    step({.kind = ExitKind::iret, .rip = 0x5000, .rsp = 0x7000});
    cpu.rip = 0x1234;
    cpu.rsp = 0x9000;
    mail(kMailNmi);
    EXPECT_EQ(effects.set, kInject | kWatchIret | kCloseWindow);
}

TEST_F(Events, WindowDoesNotTakeThePlaceOfAnEventUnderWay) {
    mail(kMailNmi);
    mail(kMailNmi);
    step({.kind = ExitKind::iret});
    step({.kind = ExitKind::window, .delivering = true});
    EXPECT_EQ(effects.set, 0u);
    EXPECT_TRUE(cpu.nmi_pending);
    step({.kind = ExitKind::window});
    EXPECT_EQ(effects.set, kInject | kWatchIret | kCloseWindow);
}

TEST(Mailbox, OfTwoStartupsTheFirstCounts) {
    EXPECT_EQ(add_mail(kMailSipi | 0x1200, kMailSipi | 0x8400), kMailSipi | 0x1200u);
    EXPECT_EQ(add_mail(0, kMailSipi | 0x8400), kMailSipi | 0x8400u);
    EXPECT_EQ(add_mail(kMailInit, kMailSipi | 0x8400), kMailInit | kMailSipi | 0x8400u);
}

TEST(Mailbox, InitMakesForgetWhatCameBefore) {
    EXPECT_EQ(add_mail(kMailNmi | kMailSipi | 0x1200, kMailInit), u32{kMailInit});
    EXPECT_EQ(add_mail(kMailPark | kMailHalt | kMailWake | kMailNmi, kMailInit),
              kMailPark | kMailHalt | kMailWake | kMailInit);
    EXPECT_EQ(add_mail(kMailInit, kMailNmi), kMailInit | kMailNmi);
}

TEST_F(Events, InitThenStartup) {
    mail(kMailSipi | 0x9900); // running: dropped
    EXPECT_EQ(effects.set, 0u);
    mail(kMailInit);
    EXPECT_NE(effects.set & kWaitForSipi, 0u);
    EXPECT_TRUE(cpu.waiting_for_sipi);
    mail(kMailNmi); // ignored while waiting
    EXPECT_EQ(effects.set, 0u);
    mail(kMailSipi | 0x9900);
    EXPECT_EQ(effects.set, u32{kStart});
    EXPECT_EQ(effects.vector, 0x99);
    EXPECT_FALSE(cpu.waiting_for_sipi);
}

TEST_F(Events, InitAndStartupInOneRead) {
    mail(kMailInit | kMailSipi | 0x1200);
    EXPECT_NE(effects.set & kStart, 0u);
    EXPECT_EQ(effects.vector, 0x12);
}

TEST_F(Events, ParkingWinsOverEverything) {
    mail(kMailPark | kMailNmi | kMailInit | kMailSipi);
    EXPECT_EQ(effects.set, u32{kPark});
    EXPECT_FALSE(cpu.nmi_pending);
    mail(kMailHalt);
    EXPECT_EQ(effects.set, u32{kPark});
}

} // namespace septum::kernel::core
