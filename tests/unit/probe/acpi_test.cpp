// SPDX-License-Identifier: Apache-2.0
// Tables made by hand from the specifications; cut short anywhere they give what is whole, and nothing else is read.
#include "probe/acpi.hpp"

#include <gtest/gtest.h>

namespace septum::probe {
namespace {

Bytes table(const char* signature, std::size_t body) {
    Bytes bytes(36 + body, 0);
    std::copy(signature, signature + 4, bytes.begin());
    return bytes;
}

void add(Bytes& bytes, std::initializer_list<int> more) {
    for (const int byte : more)
        bytes.push_back(static_cast<std::uint8_t>(byte));
}

Bytes madt() {
    Bytes bytes = table("APIC", 8);
    add(bytes, {0, 8, 0, 7, 1, 0, 0, 0});                             // local APIC 7, enabled
    add(bytes, {0, 8, 1, 8, 0, 0, 0, 0});                             // 8, not enabled
    add(bytes, {1, 12, 0, 0, 0, 0, 0xC0, 0xFE, 0, 0, 0, 0});          // an I/O APIC
    add(bytes, {9, 16, 0, 0, 0x2C, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}); // x2APIC 300
    return bytes;
}

Bytes dmar() {
    Bytes bytes = table("DMAR", 12);
    add(bytes, {0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0xD9, 0xFE, 0, 0, 0, 0});
    add(bytes, {1,    0,    32,   0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0,    0,
                0xFF, 0xFF, 0x10, 0, 0, 0, 0, 0, 1, 8, 0,    0, 0, 0, 0x1F, 2});
    return bytes;
}

TEST(Madt, EnabledProcessors) {
    EXPECT_EQ(madt_apic_ids(madt()), (std::vector<std::uint32_t>{7, 300}));
    EXPECT_TRUE(madt_apic_ids(table("APIX", 8)).empty());
    EXPECT_TRUE(madt_apic_ids({}).empty());
}

TEST(Mcfg, SegmentZero) {
    Bytes bytes = table("MCFG", 8);
    add(bytes, {0, 0, 0, 0xC0, 0, 0, 0, 0, 1, 0, 0, 0xFF, 0, 0, 0, 0}); // segment 1
    EXPECT_FALSE(mcfg_base(bytes));
    add(bytes, {0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0, 0, 0, 0});
    EXPECT_EQ(mcfg_base(bytes), 0xB000'0000U);
}

TEST(Dmar, UnitsAndReservedMemory) {
    Machine machine;
    read_dmar(dmar(), machine);
    ASSERT_EQ(machine.units.size(), 1U);
    EXPECT_EQ(machine.units[0].registers, 0xFED9'0000U);
    ASSERT_EQ(machine.reserved.size(), 1U);
    EXPECT_EQ(machine.reserved[0].range.base, 0x10'0000U);
    EXPECT_EQ(machine.reserved[0].range.end, 0x11'0000U);
    EXPECT_EQ(machine.reserved[0].devices, (std::vector<std::uint16_t>{0x00FA}));
}

TEST(Ivrs, OneUnitInTwoBlocks) {
    Bytes bytes = table("IVRS", 12);
    for (const int type : {0x10, 0x11})
        add(bytes, {type, 0, 24, 0, 0x10, 0, 0x40, 0, 0, 0, 0xD8, 0xFE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    Machine machine;
    read_ivrs(bytes, machine);
    ASSERT_EQ(machine.units.size(), 1U);
    EXPECT_EQ(machine.units[0].registers, 0xFED8'0000U);
    EXPECT_EQ(machine.units[0].bdf, 0x0010);
}

TEST(Srat, NodesOfProcessors) {
    Bytes bytes = table("SRAT", 12);
    add(bytes, {0, 16, 1, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    add(bytes, {2, 24, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(srat_nodes(bytes), (std::map<std::uint32_t, std::uint32_t>{{5, 1}, {256, 3}}));
}

TEST(Tables, CutShortOrSpoiledTheyEnd) {
    for (const Bytes& whole : {madt(), dmar()}) {
        for (std::size_t size = 0; size <= whole.size(); size++) {
            const Bytes cut(whole.begin(),
                            whole.begin() + static_cast<std::ptrdiff_t>(size)); // an allocation of its own
            Machine machine;
            read_dmar(cut, machine);
            read_ivrs(cut, machine);
            EXPECT_LE(madt_apic_ids(cut).size(), 2U);
        }
        for (std::size_t at = 36; at < whole.size(); at++)
            for (const int value : {0, 1, 2, 0x7F, 0xFF}) {
                Bytes spoiled = whole;
                spoiled[at] = static_cast<std::uint8_t>(value);
                Machine machine;
                read_dmar(spoiled, machine);
                EXPECT_LE(madt_apic_ids(spoiled).size(), 3U);
            }
    }
}

} // namespace
} // namespace septum::probe
