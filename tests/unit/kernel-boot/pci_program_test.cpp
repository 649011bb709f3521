// SPDX-License-Identifier: Apache-2.0
// Programming bridges and functions, against a pretended machine whose registers have their own ideas of what is
// writable.
#include "kernel/boot/pci_program.hpp"

#include "tests/unit/kernel-boot/said.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <set>

namespace septum::kernel::boot {
namespace {

struct Function {
    std::array<u32, 64> value{};
    std::array<u32, 64> writable{};
};

struct Machine {
    std::map<u32, Function> functions;
    std::map<u64, u32> memory;
    std::set<u64> read_only;             // memory that keeps its value
    std::map<u64, u32> command_at_write; // of function 0x0100, for each memory write
};
Machine* machine;

u32 read(u32 bdf, u32 offset, u32 width) {
    EXPECT_EQ(offset % width, 0u);
    const auto found = machine->functions.find(bdf);
    const u32 value = found == machine->functions.end() ? ~0u : found->second.value[offset / 4] >> offset % 4 * 8;
    return width == 4 ? value : value & ((1u << 8 * width) - 1);
}
void write(u32 bdf, u32 offset, u32 width, u32 value) {
    EXPECT_EQ(offset % width, 0u);
    Function& function = machine->functions.at(bdf);
    const u32 lane = (width == 4 ? ~0u : (1u << 8 * width) - 1) << offset % 4 * 8;
    const u32 mask = function.writable[offset / 4] & lane;
    u32& word = function.value[offset / 4];
    word = (word & ~mask) | (value << offset % 4 * 8 & mask);
}
u32 read_memory(Hpa address) {
    return machine->memory[address.value];
}
void write_memory(Hpa address, u32 value) {
    machine->command_at_write[address.value] = read(0x0100, 4, 2);
    if (machine->read_only.count(address.value) == 0) {
        machine->memory[address.value] = value;
    }
}
constexpr PciAccess kAccess{read, write, read_memory, write_memory};

constexpr u32 kDisk = 0x0100;
constexpr u32 kPort = 0x0010;

struct PciProgram : testing::Test {
    Machine own;
    manifest::Device device{};
    std::vector<manifest::Bar> bars;
    manifest::Bridge bridge{};

    PciProgram() {
        machine = &own;
        Function& disk = own.functions[kDisk];
        disk.value[0] = 0x0010'1B36;
        disk.value[1] = 0x0010'0107;
        disk.writable[1] = 0x0000'0547;
        disk.value[2] = 0x0108'0200;
        disk.value[4] = 0xFFFF'C004;    // as firmware left it
        disk.writable[4] = 0xFFFF'C000; // 16 KiB, 64 bits
        disk.writable[5] = 0xFFFF'FFFF;
        disk.value[7] = 0xC001; // BAR 3: I/O
        disk.writable[7] = 0xFFFC;
        disk.value[12] = 0xFEB0'0001;
        disk.writable[12] = 0xFFFF'0001;
        disk.value[16] = 0x8040'0011; // MSI-X, 65 entries, left on
        disk.writable[16] = 0xC000'0000;
        disk.value[17] = 0x0000'2000;
        disk.value[20] = 0x0081'0005; // MSI, left on
        disk.writable[20] = 0x0071'0000;
        device.bdf = kDisk;
        device.msix_at = 0x40;
        device.msi_at = 0x50;
        device.msix_entries = 65;
        device.msix_bar = 7;
        device.msix_offset = 0x2000;
        device.bars = {7, 1};
        bars = {{0, 0, manifest::kBar64, 0, Gpa{0xE000'0000}, {Hpa{0x12'FE80'0000}, 0x4000}}};

        Function& port = own.functions[kPort];
        port.value[1] = 0x0010'0007;
        port.writable[1] = 0x0000'0547;
        port.value[2] = 0x0604'0000;
        port.value[3] = 0x0001'0000;
        port.value[6] = 0x0001'0100;
        port.value[7] = 0x0000'C1C1;
        port.writable[7] = 0x0000'F0F0;
        port.writable[8] = 0xFFF0'FFF0;
        port.value[9] = 0x0001'0001;
        port.writable[9] = 0xFFF0'FFF0;
        port.writable[10] = port.writable[11] = port.writable[12] = ~0u;
        port.value[15] = 0x0018'0000;
        port.writable[15] = 0x005F'0000;
        bridge = {.bdf = kPort,
                  .primary = 0,
                  .secondary = 1,
                  .subordinate = 1,
                  .acs = 1,
                  .acs_at = 0x148,
                  .window = {Hpa{0xFE80'0000}, 2 * kMiB},
                  .prefetchable = {Hpa{0x12'0000'0000}, 64 * kMiB}};
    }
    std::string program() {
        const Refusal refusal = program_device(device, {bars.data(), bars.size()}, kAccess);
        return refusal ? said(refusal) : "holds";
    }
    std::string program_port() {
        const Refusal refusal = program_bridge(bridge, kAccess);
        return refusal ? said(refusal) : "holds";
    }
    std::string acs() {
        const Refusal refusal = turn_on_acs(bridge, Hpa{0xB000'0000}, kAccess);
        return refusal ? said(refusal) : "holds";
    }
};

TEST_F(PciProgram, ADeviceComesToItsPlaceWithAllOff) {
    EXPECT_EQ(program(), "holds");
    EXPECT_EQ(read(kDisk, 0x10, 4), 0xFE80'0004u);
    EXPECT_EQ(read(kDisk, 0x14, 4), 0x12u);
    EXPECT_EQ(read(kDisk, 4, 2), 0x400u); // INTx disable alone
    EXPECT_EQ(read(kDisk, 0x30, 4) & 1, 0u);
    EXPECT_EQ(read(kDisk, 0x42, 2), 0x0040u);
    EXPECT_EQ(read(kDisk, 0x52, 2) & 1, 0u);
    EXPECT_EQ(read(kDisk, 0x1C, 4), 0xC001u); // an I/O BAR keeps what it has, and does not decode
}

TEST_F(PciProgram, ABarOfAnotherSizeOrKind) {
    bars[0].memory.size = 0x8000;
    EXPECT_EQ(program(), "septum: refused: bar 0 01:00.0: expected 0x8000, found 0x4000 (code 0x40)");
    bars[0].memory.size = 0x2000;
    EXPECT_EQ(program(), "septum: refused: bar 0 01:00.0: expected 0x2000, found 0x4000 (code 0x40)");
    bars[0].memory.size = 0x4000;
    bars[0].flags = 0;
    EXPECT_EQ(program(), "septum: refused: bar 0 01:00.0: expected 0x0, found 0x4 (code 0x40)");
    bars[0].flags = manifest::kBar64 | manifest::kBarPrefetchable;
    EXPECT_EQ(program(), "septum: refused: bar 0 01:00.0: expected 0xc, found 0x4 (code 0x40)");
}

TEST_F(PciProgram, ABarSmallerThanAPageTakesOne) {
    own.functions[kDisk].writable[4] = 0xFFFF'FF00;
    bars[0].memory.size = 0x1000;
    EXPECT_EQ(program(), "holds");
    own.functions[kDisk].writable[4] = 0;
    own.functions[kDisk].value[4] = 4; // none below 4 GiB
    EXPECT_EQ(program(), "septum: refused: bar 0 01:00.0: expected 0x1000, found 0x100000000 (code 0x40)");
}

TEST_F(PciProgram, ABarThatDoesNotTakeItsBase) {
    own.functions[kDisk].writable[5] = 0xFFFF'FFEF; // a bit that is stuck
    EXPECT_NE(program(), "holds");
}

TEST_F(PciProgram, AnUndeclaredMemoryBar) {
    own.functions[kDisk].writable[6] = 0xFFFF'F000;
    EXPECT_EQ(program(), "septum: refused: bar 2 01:00.0: expected no memory bar, found an undeclared one (code 0x40)");
    EXPECT_EQ(read(kDisk, 0x18, 4), 0u); // left as it was
}

TEST_F(PciProgram, CapabilitiesAreWhereTheyShouldBe) {
    device.msi_at = 0x60;
    EXPECT_EQ(program(), "septum: refused: msi capability 01:00.0: expected 0x5, found 0x0 (code 0x40)");
    device.msi_at = 0;
    device.msix_entries = 64;
    EXPECT_EQ(program(), "septum: refused: msi-x entries 01:00.0: expected 64, found 65 (code 0x40)");
    device.msix_entries = 65;
    device.msix_offset = 0x3000;
    EXPECT_EQ(program(), "septum: refused: msi-x table 01:00.0: expected 0x3000, found 0x2000 (code 0x40)");
    device.msix_offset = 0x2000;
    own.functions[kDisk].value[17] = 0x2004; // in another BAR
    EXPECT_EQ(program(), "septum: refused: msi-x table 01:00.0: expected 0x2000, found 0x2004 (code 0x40)");
    device.msix_at = 0x50;
    EXPECT_EQ(program(), "septum: refused: msi-x capability 01:00.0: expected 0x11, found 0x5 (code 0x40)");
}

TEST_F(PciProgram, EveryMsixEntryIsMaskedWhileItDecodes) {
    mask_msix(device, bars[0], kAccess);
    EXPECT_EQ(own.memory.size(), 65u);
    for (u64 i = 0; i < 65; i++) {
        EXPECT_EQ(own.memory[0x12'FE80'200C + 16 * i], 1u);
        EXPECT_EQ(own.command_at_write[0x12'FE80'200C + 16 * i] & 6, 2u); // memory, no bus master
    }
    EXPECT_EQ(read(kDisk, 4, 2), 0x400u);
}

TEST_F(PciProgram, ABridgeForwardsItsWindowsAndNothingElse) {
    EXPECT_EQ(program_port(), "holds");
    EXPECT_EQ(read(kPort, 4, 2), 0x406u);
    EXPECT_EQ(read(kPort, 0x20, 4), 0xFE90'FE80u);
    EXPECT_EQ(read(kPort, 0x24, 4), 0x03F1'0001u);
    EXPECT_EQ(read(kPort, 0x28, 4), 0x12u);
    EXPECT_EQ(read(kPort, 0x2C, 4), 0x12u);
    EXPECT_GT(read(kPort, 0x1C, 1) & 0xF0, read(kPort, 0x1D, 1) & 0xF0); // I/O closed: base above limit
    EXPECT_EQ(read(kPort, 0x3E, 2) & 0x18, 0u);                          // no VGA
}

TEST_F(PciProgram, AClosedWindowHasItsBaseAboveItsLimit) {
    bridge.window.size = 0;
    bridge.prefetchable.size = 0;
    EXPECT_EQ(program_port(), "holds");
    EXPECT_EQ(read(kPort, 0x20, 4), 0x0000'FFF0u);
    EXPECT_EQ(read(kPort, 0x24, 4) & 0xFFF0'FFF0, 0x0000'FFF0u);
    own.functions[kPort].writable[9] = own.functions[kPort].writable[10] = own.functions[kPort].writable[11] = 0;
    EXPECT_EQ(program_port(), "holds"); // it has no prefetchable window at all
}

TEST_F(PciProgram, ABridgeThatIsAnotherOne) {
    bridge.secondary = 2;
    EXPECT_EQ(program_port(), "septum: refused: bridge buses 00:02.0: expected 0x10200, found 0x10100 (code 0x40)");
    bridge.secondary = 1;
    own.functions[kPort].writable[8] = 0;
    EXPECT_EQ(program_port(), "septum: refused: bridge window 00:02.0: expected 0xfe90fe80, found 0x0 (code 0x40)");
    own.functions[kPort].writable[8] = ~0u;
    own.functions[kPort].writable[10] = 0; // 32 bits only
    EXPECT_NE(program_port(), "holds");
}

TEST_F(PciProgram, AccessControlIsTurnedOnAndReadBack) {
    const u64 at = 0xB000'0000 + (u64{kPort} << 12) + 0x148;
    EXPECT_EQ(acs(), "septum: refused: access control services 00:02.0: expected 0xd, found 0x0 (code 0x40)");
    own.memory[at] = 0x0001'000D;
    own.memory[at + 4] = 0x0000'000D; // no upstream forwarding
    EXPECT_EQ(acs(), "septum: refused: access control services can 00:02.0: expected 0x1d, found 0xd (code 0x40)");
    own.memory[at + 4] = 0x0000'005F;
    own.read_only.insert(at + 4);
    EXPECT_EQ(acs(), "septum: refused: access control services on 00:02.0: expected 0x1f, found 0x0 (code 0x40)");
    own.read_only.clear();
    EXPECT_EQ(acs(), "holds");
    EXPECT_EQ(own.memory[at + 4] >> 16, 0x1Fu);
}

TEST_F(PciProgram, FunctionsOfNobodyDecodeNothing) {
    own.functions[0x00F8] = own.functions[kPort];
    own.functions[0x00F8].value[2] = 0x0601'0000; // ISA bridge
    own.functions[0x00F8].value[3] = 0;
    const std::vector<PciFunction> found{{kDisk, 0}, {kPort, 0}, {0x00F8, 0}};
    close_functions({found.data(), found.size()}, kAccess);
    EXPECT_EQ(read(kDisk, 4, 2), 0x400u);
    EXPECT_EQ(read(kPort, 4, 2), 0x400u);
    EXPECT_EQ(read(0x00F8, 4, 2), 0x007u);
}

TEST_F(PciProgram, BitsThatAreFacts) {
    manifest::Fact fact{.kind = manifest::FactKind::pci_bits,
                        .index = 0,
                        .a = kDisk,
                        .b = 8,
                        .reserved0 = 0,
                        .mask = 0xFFFF'FF00,
                        .expected = 0x0108'0200,
                        .name = "class of nvme0"};
    EXPECT_FALSE(check_pci_bits({&fact, 1}, kAccess));
    fact.expected = 0x0200'0000;
    EXPECT_EQ(said(check_pci_bits({&fact, 1}, kAccess)),
              "septum: refused: class of nvme0 01:00.0: expected 0x2000000, found 0x1080200 (code 0x40)");
    fact.kind = manifest::FactKind::msr_bits; // not ours
    EXPECT_FALSE(check_pci_bits({&fact, 1}, kAccess));
}

} // namespace
} // namespace septum::kernel::boot
