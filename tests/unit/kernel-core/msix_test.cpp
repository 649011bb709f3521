// SPDX-License-Identifier: Apache-2.0
#include "devices.hpp"

namespace septum::kernel::core {

struct Msix : DeviceMachine {
    // As Linux sets an entry up: masked, three words, unmasked.
    void set_up(u32 entry, u32 address, u32 data) {
        const u64 at = kTableGpa + 16 * entry;
        store(at, address);
        store(at + 4, 0);
        store(at + 8, data);
        EXPECT_EQ(effects.set, kAdvance);
        store(at + 12, 0);
    }
};

TEST_F(Msix, AnEntryTakesEffectWhenItIsUnmasked) {
    set_up(3, 0xFEE0'4000, 0x31);
    EXPECT_EQ(effects.set, kAdvance | kDevice);
    EXPECT_EQ(device().action, DeviceAction::msix_unmask);
    EXPECT_EQ(device().device, kDisk);
    EXPECT_EQ(device().entry, 3u);
    EXPECT_EQ(device().address.value, kTableHpa + 48);
    EXPECT_TRUE(device().route.present);
    EXPECT_EQ(device().route.vector, 0x31);
    EXPECT_EQ(device().route.apic_id, kFirstApicId);
    store(kTableGpa + 48 + 12, 0); // unmasked already
    EXPECT_EQ(effects.set, kAdvance);
    store(kTableGpa + 48 + 12, 1);
    EXPECT_EQ(device().action, DeviceAction::msix_mask);
    EXPECT_EQ(device().address.value, kTableHpa + 48);
    store(kTableGpa + 48 + 12, 1);
    EXPECT_EQ(effects.set, kAdvance);
}

TEST_F(Msix, AChangeWhileUnmaskedTakesEffectAtOnce) {
    set_up(0, 0xFEE0'4000, 0x31);
    store(kTableGpa + 8, 0x32);
    EXPECT_EQ(device().action, DeviceAction::msix_unmask);
    EXPECT_EQ(device().route.vector, 0x32);
    store(kTableGpa, 0xFEE0'5000); // a foreign CPU
    EXPECT_EQ(device().action, DeviceAction::msix_unmask);
    EXPECT_FALSE(device().route.present);
}

TEST_F(Msix, QuadwordsAreTwoWords) {
    store(kTableGpa + 16, 0xFEE1'5000, 8);
    store(kTableGpa + 24, 0x55, 8); // data, and unmasked in one go
    EXPECT_EQ(device().action, DeviceAction::msix_unmask);
    EXPECT_EQ(device().entry, 1u);
    EXPECT_EQ(device().route.vector, 0x55);
    EXPECT_EQ(device().route.apic_id, kSecondApicId);
    load(kTableGpa + 16, 8);
    EXPECT_EQ(rcx(), 0xFEE1'5000u);
    load(kTableGpa + 24, 8);
    EXPECT_EQ(rcx(), 0x55u);
    EXPECT_EQ(effects.set, kAdvance);
}

TEST_F(Msix, ReadsGiveWhatWasWritten) {
    store(kTableGpa, 0xFEE0'4007); // the two low bits are wired
    store(kTableGpa + 4, 0x1234'5678);
    load(kTableGpa, 4);
    EXPECT_EQ(rcx(), 0xFEE0'4004u);
    load(kTableGpa + 6, 1);
    EXPECT_EQ(rcx() & 0xFF, 0x34u);
    load(kTableGpa + 12, 4);
    EXPECT_EQ(rcx(), 1u);
    store(kTableGpa + 12, 0xFFFF'FFFF);
    load(kTableGpa + 12, 4);
    EXPECT_EQ(rcx(), 1u);
}

TEST_F(Msix, EntriesBeyondThoseShownStayMasked) {
    for (const u32 entry : {5u, 127u, 128u, 199u}) {
        set_up(entry, 0xFEE0'4000, 0x31);
        EXPECT_EQ(effects.set, kAdvance) << entry;
        load(kTableGpa + 16 * entry, 8);
        EXPECT_EQ(rcx(), 0u);
        load(kTableGpa + 16 * entry + 12, 4);
        EXPECT_EQ(rcx(), 1u);
        EXPECT_EQ(effects.set, kAdvance);
    }
}

TEST_F(Msix, WhatElseLiesInItsPagesIsTheDevices) {
    const u64 behind = 16 * kHardwareEntries; // the table is shorter than its page
    load(kTableGpa + behind, 4);
    EXPECT_EQ(effects.set, kAdvance | kDevice);
    EXPECT_EQ(device().action, DeviceAction::read);
    EXPECT_EQ(device().address.value, kTableHpa + behind);
    EXPECT_EQ(device().width, 4);
    EXPECT_EQ(device().load.reg, kRcx);
    store(kTableGpa + behind + 2, 0xAABB'CCDD, 2);
    EXPECT_EQ(device().action, DeviceAction::write);
    EXPECT_EQ(device().address.value, kTableHpa + behind + 2);
    EXPECT_EQ(device().value, 0xCCDDu);
    store(kTableGpa + behind + 1, 0, 2); // not aligned: might reach into another page
    expect_fault(Fault::mmio_instruction);
}

TEST_F(Msix, OtherPagesAreNotTrapped) {
    store(kTableGpa - 4, 0);
    expect_fault(Fault::memory);
    store(kTableGpa + kPageSize, 0);
    expect_fault(Fault::memory);
    load(0xFEE0'0000, 4);
    expect_fault(Fault::memory);
    load(~0ULL, 1);
    expect_fault(Fault::memory);
}

TEST_F(Msix, TheInstructionMustFitTheFault) {
    step({.kind = ExitKind::memory, .access = manifest::kWrite, .address = kTableGpa});
    expect_fault(Fault::mmio_instruction);
    mov = {.width = 4, .target_width = 4};
    touch(manifest::kWrite, kTableGpa); // it is a load now
    expect_fault(Fault::mmio_instruction);
    touch(manifest::kExecute, kTableGpa);
    expect_fault(Fault::memory);
    touch(0, kTableGpa);
    expect_fault(Fault::mmio_instruction);
    touch(manifest::kRead, kTableGpa + kPageSize);
    expect_fault(Fault::memory);
    for (const u8 width : {u8{1}, u8{2}}) {
        store(kTableGpa, 0, width);
        expect_fault(Fault::mmio_instruction);
    }
    load(kTableGpa, 2);
    expect_fault(Fault::mmio_instruction);
    load(kTableGpa + 4, 8); // not aligned
    expect_fault(Fault::mmio_instruction);
    store(kTableGpa + 2, 0);
    expect_fault(Fault::mmio_instruction);
}

TEST_F(Msix, StoresTakeImmediatesAndHighBytesFromWhereTheyAre) {
    mov = {.immediate = 0xFFFF'FFFF'FFFF'FF31, .width = 4, .target_width = 4, .store = true, .has_immediate = true};
    touch(manifest::kWrite, kTableGpa + 8);
    EXPECT_EQ(states[0].msix[0].words[kMsixData], 0xFFFF'FF31u);
    cpu.registers[kRdx] = 0xAB00;
    mov = {.width = 1, .target_width = 1, .reg = kRdx, .store = true, .high = true};
    touch(manifest::kWrite, kTableGpa + 16 * kHardwareEntries);
    EXPECT_EQ(device().value, 0xABu);
}

TEST(FinishLoad, FillsTheRegisterAsTheProcessorWould) {
    CpuState cpu;
    const auto after = [&cpu](Mov mov, u64 value) {
        cpu.registers[mov.reg] = 0x1122'3344'5566'7788;
        finish_load(cpu, mov, value);
        return cpu.registers[mov.reg];
    };
    const u64 value = 0xFFEE'DDCC'BBAA'9988;
    EXPECT_EQ(after({.width = 8, .target_width = 8, .reg = 9}, value), value);
    EXPECT_EQ(after({.width = 4, .target_width = 4, .reg = 9}, value), 0xBBAA'9988u);
    EXPECT_EQ(after({.width = 2, .target_width = 2, .reg = 9}, value), 0x1122'3344'5566'9988u);
    EXPECT_EQ(after({.width = 1, .target_width = 1, .reg = 9}, value), 0x1122'3344'5566'7788u);
    EXPECT_EQ(after({.width = 1, .target_width = 1, .reg = 3, .high = true}, 0x5A), 0x1122'3344'5566'5A88u);
    EXPECT_EQ(after({.width = 1, .target_width = 8, .reg = 0}, value), 0x88u);
    EXPECT_EQ(after({.width = 2, .target_width = 4, .reg = 0}, value), 0x9988u);
    EXPECT_EQ(after({.width = 1, .target_width = 2, .reg = 0}, value), 0x1122'3344'5566'0088u);
}

} // namespace septum::kernel::core
