// SPDX-License-Identifier: Apache-2.0
#include "devices.hpp"

namespace septum::kernel::core {

struct Pci : DeviceMachine {
    void expect_hardware(DeviceAction action, u32 number, u8 offset, u8 width, u32 mask, u32 value) const {
        EXPECT_EQ(effects.set, kAdvance | kDevice);
        EXPECT_EQ(device().action, action);
        EXPECT_EQ(device().device, number);
        EXPECT_EQ(device().offset, offset);
        EXPECT_EQ(device().width, width);
        EXPECT_EQ(device().mask, mask);
        EXPECT_EQ(device().value, value);
    }
};

TEST_F(Pci, TheLatchTakesWholeDoublewordsOnly) {
    out(0xCF8, 0x8000'0800, 4);
    EXPECT_EQ(effects.set, kAdvance);
    in(0xCF8, 4);
    EXPECT_EQ(rax(), 0x8000'0800u);
    out(0xCF8, 0xFF, 1);
    in(0xCF8, 4);
    EXPECT_EQ(rax(), 0x8000'0800u);
    cpu.registers[kRax] = 0;
    in(0xCF8, 1); // narrower is absent
    EXPECT_EQ(rax(), 0xFFu);
    out(0xCF9, 6, 1); // the reset register stays forbidden
    expect_fault(Fault::port);
    in(0xCF8, 2);
    expect_fault(Fault::port);
}

TEST_F(Pci, WithoutTheEnableBitOrWithExtendedBitsNothingIsThere) {
    for (const u32 latch : {0x0000'0000u, 0x0000'0800u, 0x8100'0800u, 0xC000'0800u}) {
        out(0xCF8, latch, 4);
        in(0xCFC, 4);
        EXPECT_EQ(rax(), 0xFFFF'FFFFu) << latch;
        EXPECT_EQ(effects.set, kAdvance);
    }
}

TEST_F(Pci, EveryOtherFunctionReadsAllOnes) {
    for (u32 bdf = 0; bdf < 65536; bdf++) {
        if (bdf == 0 || bdf == 8 || bdf == 16) {
            continue;
        }
        out(0xCF8, 0x8000'0000 | bdf << 8, 4);
        in(0xCFC, 4);
        ASSERT_EQ(rax(), 0xFFFF'FFFFu) << bdf;
        ASSERT_EQ(effects.set, kAdvance);
        out(0xCFC, 0, 4);
        ASSERT_EQ(effects.set, kAdvance);
    }
}

TEST_F(Pci, HiddenRegistersReadZeroAndTakeNothing) {
    for (u32 offset = 0; offset < 256; offset += 4) {
        const bool shown =
            offset == 0 || offset == 4 || offset == 0x10 || offset == 0x14 || offset == 0x34 || offset == 0x40;
        if (!shown) {
            EXPECT_EQ(config_in(1, offset), 0u) << offset;
            EXPECT_EQ(effects.set, kAdvance);
            config_out(1, offset, 0xFFFF'FFFF);
            EXPECT_EQ(effects.set, kAdvance);
        }
    }
}

TEST_F(Pci, TheHostBridgeIsConstantAndNeverReachesHardware) {
    EXPECT_EQ(config_in(0, 0), 0x0008'1B36u);
    EXPECT_EQ(config_in(0, 0x0A, 2), 0x0600u);
    EXPECT_EQ(config_in(0, 0x0B, 1), 0x06u);
    config_out(0, 0, 0);
    EXPECT_EQ(effects.set, kAdvance);
    EXPECT_EQ(config_in(0, 0), 0x0008'1B36u);
    registers[1].answer = manifest::PciAnswer::hardware; // even a wrong table reaches no function of nobody
    registers[1].write_mask = ~0u;
    config_out(0, 0, 0);
    EXPECT_EQ(effects.set, kAdvance);
}

TEST_F(Pci, HardwareIsReadInTheGuestsWidthUnderItsMask) {
    config_in(1, 4);
    expect_hardware(DeviceAction::config_read, kDisk, 4, 4, 0xFFFF'FFFE, 0x400);
    config_in(1, 4, 2);
    expect_hardware(DeviceAction::config_read, kDisk, 4, 2, 0xFFFE, 0x400);
    config_in(1, 5, 1);
    expect_hardware(DeviceAction::config_read, kDisk, 5, 1, 0xFF, 0x04);
    config_in(1, 6, 2);
    expect_hardware(DeviceAction::config_read, kDisk, 6, 2, 0xFFFF, 0);
}

TEST_F(Pci, WritesChangeOnlyWhatTheyMay) {
    config_out(1, 4, 0xFFFF'FFFF);
    expect_hardware(DeviceAction::config_write, kDisk, 4, 4, 0xF900'0146, 0xFFFF'FFFF);
    config_out(1, 4, 0x0406, 2);
    expect_hardware(DeviceAction::config_write, kDisk, 4, 2, 0x0146, 0x0406);
    config_out(1, 7, 0x80, 1); // one status bit
    expect_hardware(DeviceAction::config_write, kDisk, 7, 1, 0xF9, 0x80);
    config_out(1, 6, 0, 1); // nothing writable in this byte
    EXPECT_EQ(effects.set, kAdvance);
    config_out(1, 0, 0);
    EXPECT_EQ(effects.set, kAdvance);
    config_out(1, 0x42, 0xC000, 2); // MSI-X enable and function mask
    expect_hardware(DeviceAction::config_write, kDisk, 0x42, 2, 0xC000, 0xC000);
}

TEST_F(Pci, AccessesThatStraddleTheDataPortAreAbsent) {
    out(0xCF8, address(1, 0), 4);
    for (const auto& [port, width] : {std::pair<u16, u8>{0xCFE, 4}, {0xCFF, 2}, {0xCFB, 2}, {0xCFB, 4}, {0xCFA, 4}}) {
        cpu.registers[kRax] = 0;
        in(port, width);
        EXPECT_EQ(rax(), width == 2 ? 0xFFFFu : 0xFFFF'FFFFu) << port;
        EXPECT_EQ(effects.set, kAdvance);
        out(port, 0, width);
        EXPECT_EQ(effects.set, kAdvance);
    }
}

TEST_F(Pci, A64BitBarIsSizedAndMovedVirtually) {
    EXPECT_EQ(config_in(1, 0x10), 0xE000'0004u);
    EXPECT_EQ(config_in(1, 0x14), 0u);
    config_out(1, 0x10, 0xFFFF'FFFF);
    EXPECT_EQ(effects.set, kAdvance);
    config_out(1, 0x14, 0xFFFF'FFFF);
    EXPECT_EQ(config_in(1, 0x10), 0xFFFF'C004u);
    EXPECT_EQ(config_in(1, 0x14), 0xFFFF'FFFFu);
    config_out(1, 0x14, 0x12);
    config_out(1, 0x10, 0x3456'789A);
    EXPECT_EQ(config_in(1, 0x10), 0x3456'4004u);
    EXPECT_EQ(config_in(1, 0x14), 0x12u);
    config_out(1, 0x11, 0xAB, 1);
    EXPECT_EQ(config_in(1, 0x10), 0x3456'8004u);
    config_out(1, 0x12, 0x55AA, 2);
    EXPECT_EQ(config_in(1, 0x12, 2), 0x55AAu);
}

TEST_F(Pci, A32BitBarKeepsToItsSlice) {
    EXPECT_EQ(config_in(2, 0x18), 0xE010'0008u);
    config_out(2, 0x18, 0xFFFF'FFFF);
    EXPECT_EQ(config_in(2, 0x18), 0xFFF0'0008u);
    EXPECT_EQ(config_in(2, 0x10), 0u); // its rule names a BAR beyond the slice
    config_out(2, 0x10, 0xFFFF'FFFF);
    EXPECT_EQ(config_in(2, 0x10), 0u);
    EXPECT_EQ(states[1].bars[0], 0u);
}

struct Msi : DeviceMachine {
    void write_message(u32 address, u32 high, u32 data) {
        config_out(2, 0x54, address);
        EXPECT_EQ(effects.set, kAdvance); // off: nothing happens yet
        config_out(2, 0x58, high);
        config_out(2, 0x5C, data, 2);
        EXPECT_EQ(effects.set, kAdvance);
    }
    void enable(u32 control = 1) { config_out(2, 0x52, control, 2); }
};

TEST_F(Msi, IsProgrammedWhenItIsTurnedOn) {
    write_message(0xFEE0'0000 | kSecondApicId << 12, 0, 0x41);
    EXPECT_EQ(config_in(2, 0x54), 0xFEE1'5000u);
    EXPECT_EQ(config_in(2, 0x5C, 2), 0x41u);
    enable();
    EXPECT_EQ(effects.set, kAdvance | kDevice);
    EXPECT_EQ(device().action, DeviceAction::msi);
    EXPECT_EQ(device().device, kCard);
    EXPECT_TRUE(device().enabled);
    EXPECT_EQ(device().control, 1);
    EXPECT_EQ(device().entries, 1);
    EXPECT_TRUE(device().route.present);
    EXPECT_EQ(device().route.vector, 0x41);
    EXPECT_EQ(device().route.apic_id, kSecondApicId);
    EXPECT_EQ(config_in(2, 0x50), 0x0085'0005u);
    config_out(2, 0x5C, 0x52, 2); // changed while on
    EXPECT_EQ(device().route.vector, 0x52);
    enable(0);
    EXPECT_EQ(effects.set, kAdvance | kDevice);
    EXPECT_FALSE(device().enabled);
    enable(0);
    EXPECT_EQ(effects.set, kAdvance);
}

TEST_F(Msi, SeveralVectorsAreAlignedAndBounded) {
    write_message(0xFEE0'0000 | kFirstApicId << 12, 0, 0x43);
    enable(0x21); // four
    EXPECT_EQ(device().entries, 4);
    EXPECT_EQ(device().route.vector, 0x40);
    enable(0x51); // thirty-two are more than it can: reads back what it got
    EXPECT_EQ(device().entries, 4);
    EXPECT_EQ(config_in(2, 0x52, 2), 0x00A5u);
    devices[kCard].handles = 2; // a table that does not fit its own capability
    enable(0x21);
    EXPECT_EQ(device().entries, 1);
}

TEST_F(Msi, OnlyEnableAndCountAreWritten) {
    config_out(2, 0x50, 0xFFFF'FFFF);
    EXPECT_EQ(config_in(2, 0x50), 0x00A5'0005u);
    EXPECT_EQ(device().control & ~0x71, 0);
}

TEST_F(Msi, ForeignOrOddMessagesGoNowhere) {
    struct {
        u32 address, high, data;
    } const odd[] = {{0xFEE0'5000, 0, 0x41},                           // another partition's CPU
                     {0xFEEF'F000, 0, 0x41},                           // everyone
                     {0xFEE0'4004, 0, 0x41},                           // logical
                     {0xFEE0'4000, 1, 0x41},                           // beyond 4 GiB
                     {0xFED0'4000, 0, 0x41},                           // not the interrupt window
                     {0xFEE0'4010, 0, 0x41},                           // remappable format, of the guest's own making
                     {0xFEE0'4FE0, 0, 0x41},                           // reserved bits
                     {0xFEE0'4000, 0, 0x1F},                           // an exception's vector
                     {0xFEE0'4000, 0, 0x241}, {0xFEE0'4000, 0, 0x441}, // SMI, NMI
                     {0xFEE0'4000, 0, 0x541}, {0xFEE0'4000, 0, 0x741}, // INIT, ExtINT
                     {0xFEE0'4000, 0, 0x8041}};                        // level
    for (const auto& message : odd) {
        EXPECT_FALSE(route_of(manifest, message.address, message.high, message.data).present) << message.address;
        enable(0);
        write_message(message.address, message.high, message.data);
        enable();
        EXPECT_EQ(device().action, DeviceAction::msi);
        EXPECT_FALSE(device().route.present) << message.address << " " << message.data;
    }
    EXPECT_TRUE(route_of(manifest, 0xFEE0'4008, 0, 0x4141).present); // redirection hint, lowest priority, assert
}

TEST(DeviceStates, ResetPutsBarsWhereThePlanHasThem) {
    DeviceState state;
    state.msi_control = 1;
    state.msix[127].words[3] = 0;
    const manifest::Bar bars[] = {{1, 2, manifest::kBar64, 0, Gpa{0x12'3400'0000}, {Hpa{}, 0x1000}}};
    reset_device_state(bars, 1, state);
    EXPECT_EQ(state.bars[2], 0x3400'0000u);
    EXPECT_EQ(state.bars[3], 0x12u);
    EXPECT_EQ(state.msi_control, 0u);
    for (const MsixEntry& entry : state.msix) {
        EXPECT_EQ(entry.words[kMsixControl], kMsixMasked);
        EXPECT_EQ(entry.words[kMsixAddress], 0u);
    }
}

} // namespace septum::kernel::core
