// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

namespace septum::kernel::core {

struct Apic : Machine {
    void icr(u32 destination, u32 command) { write(0x830, u64{destination} << 32 | command); }
};

TEST_F(Apic, FixedGoesToOwnCpusByPhysicalId) {
    icr(kSecondApicId, 0x40FD);
    EXPECT_EQ(effects.set, kAdvance | kInterrupt);
    EXPECT_EQ(effects.vector, 0xFD);
    EXPECT_EQ(effects.targets, 2u);
    EXPECT_EQ(cpu.icr, u64{kSecondApicId} << 32 | 0x40FD);
}

TEST_F(Apic, ForeignCpusAreOutOfReachInEveryMode) {
    for (u32 id = 0; id < 64; id++) {
        if (id == kFirstApicId || id == kSecondApicId) {
            continue;
        }
        for (u32 mode = 0; mode < 8; mode++) {
            icr(id, mode << 8 | 0x4040);
            expect_fault(Fault::ipi_target);
        }
    }
    icr(0x0003'0001, 0x4840); // logical: a cluster without a CPU of this partition
    expect_fault(Fault::ipi_target);
}

TEST_F(Apic, LogicalDestinationIsClusterAndBit) {
    icr(0x0000'0010, 0x4840); // cluster 0, bit 4: APIC id 4
    EXPECT_EQ(effects.targets, 1u);
    icr(0x0001'0020, 0x4840); // cluster 1, bit 5: APIC id 21
    EXPECT_EQ(effects.targets, 2u);
    icr(0x0001'FFFF, 0x4840); // foreign bits of the cluster are nobody
    EXPECT_EQ(effects.targets, 2u);
}

TEST_F(Apic, ShorthandsAndBroadcastStayInside) {
    icr(0, 0x4'4040);
    EXPECT_EQ(effects.targets, 1u);
    icr(0, 0x8'4040);
    EXPECT_EQ(effects.targets, 3u);
    icr(0, 0xC'4040);
    EXPECT_EQ(effects.targets, 2u);
    icr(0xFFFF'FFFF, 0x4040);
    EXPECT_EQ(effects.targets, 3u);
}

TEST_F(Apic, OthersOfASingleCpuPartitionAreNobody) {
    manifest.cpus.count = 1;
    icr(0, 0xC'4040);
    EXPECT_EQ(effects.set, kAdvance);
    icr(0, 0xC'4500);
    EXPECT_EQ(effects.targets, 0u);
}

TEST_F(Apic, LowestPriorityPicksOne) {
    icr(0xFFFF'FFFF, 0x4140);
    EXPECT_EQ(effects.targets, 1u);
}

TEST_F(Apic, IllegalVectorsAreNotSent) {
    for (u32 vector = 0; vector < 16; vector++) {
        icr(kSecondApicId, 0x4000 | vector);
        EXPECT_EQ(effects.set, kAdvance);
        write(0x83F, vector);
        EXPECT_EQ(effects.set, kAdvance);
    }
}

TEST_F(Apic, InitSipiAndNmiAreEventsInsideThePartition) {
    icr(kSecondApicId, 0xC500);
    EXPECT_EQ(effects.set, kAdvance | kPost);
    EXPECT_EQ(effects.mail, u32{kMailInit});
    icr(kSecondApicId, 0x8500); // de-assert
    EXPECT_EQ(effects.set, kAdvance);
    icr(kSecondApicId, 0x699);
    EXPECT_EQ(effects.mail, kMailSipi | 0x9900u);
    icr(kSecondApicId, 0x400);
    EXPECT_EQ(effects.mail, u32{kMailNmi});
}

TEST_F(Apic, SmiExtIntAndReservedModesAreForbidden) {
    for (const u32 mode : {2u, 3u, 7u}) {
        icr(kSecondApicId, mode << 8);
        expect_fault(Fault::ipi_mode);
    }
}

TEST_F(Apic, LvtKeepsFixedAndMasksTheRest) {
    write(0x837, 0xFE);
    EXPECT_EQ(effects.value, 0xFEu);
    write(0x832, 0x2'00EC); // periodic timer
    EXPECT_EQ(effects.value, 0x2'00ECu);
    write(0x835, 0x700); // ExtINT on LINT0: stays masked
    EXPECT_EQ(effects.value, 0x1'0000u);
    write(0x836, 0x400);
    EXPECT_EQ(effects.value, 0x1'0000u);
    write(0x834, 0x400); // an NMI source that is hidden
    EXPECT_EQ(effects.value, 0x1'0000u);
    write(0x833, 0x200); // SMI
    expect_fault(Fault::lvt_mode);
    write(0x832, 0x4'00EC); // TSC-deadline is not offered
    expect_exception(kVectorProtection);
}

TEST_F(Apic, SpuriousVectorRegisterIsMasked) {
    write(0x80F, 0xFFFF'F1FF);
    EXPECT_EQ(effects.value, 0x1FFu);
}

TEST_F(Apic, WideValuesAndUnknownRegistersTakeProtectionFaults) {
    write(0x808, 1ULL << 32);
    expect_exception(kVectorProtection);
    for (const u32 index : {0x802u, 0x803u, 0x80Du, 0x810u, 0x839u, 0x8FFu, 0x831u}) {
        write(index, 0);
        expect_exception(kVectorProtection);
    }
    for (const u32 index : {0x80Bu, 0x831u, 0x82Fu, 0x83Fu, 0x8FFu}) {
        read(index);
        expect_exception(kVectorProtection);
    }
}

TEST_F(Apic, ReadsOverXapicAreX2apicValues) {
    manifest.apic = manifest::ApicMode::xapic;
    cpu.apic_id = 21;
    read(0x802);
    EXPECT_EQ(rax(), 21u);
    read(0x80D);
    EXPECT_EQ(rax(), 0x1'0020u);
    read(0x839);
    EXPECT_EQ(effects.set, kAdvance | kApicRead);
    EXPECT_EQ(effects.apic_register, 0x839u);
    cpu.icr = 0x5'0000'00FD;
    read(0x830);
    EXPECT_EQ(rax(), 0xFDu);
    EXPECT_EQ(cpu.registers[kRdx], 5u);
}

} // namespace septum::kernel::core
