// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/iopm.hpp"
#include "verifier/decode/msrpm.hpp"

#include "memory.hpp"

namespace septum::verifier::decode {
namespace {

using test::Pages;

void clear(Pages& p, std::uint64_t bit) {
    p.bytes[bit / 8] = static_cast<std::uint8_t>(p.bytes[bit / 8] & ~(1U << (bit % 8)));
}

Iopm iopm(const Pages& p) {
    return decode_iopm(p.memory(), Pages::kBase, "iopm");
}
Msrpm msrpm(const Pages& p) {
    return decode_msrpm(p.memory(), Pages::kBase, "msrpm");
}

TEST(Iopm, AllOnesGrantNothing) {
    const Iopm map = iopm(Pages(3, 0xFF));
    EXPECT_TRUE(map.readable);
    EXPECT_TRUE(map.granted.empty());
    EXPECT_FALSE(map.straddle_granted[0] || map.straddle_granted[1] || map.straddle_granted[2]);
    EXPECT_EQ(map.padding_clear, 0U);
    EXPECT_TRUE(map.defects.empty());
}

TEST(Iopm, AllZerosGrantEverything) {
    const Iopm map = iopm(Pages(3));
    EXPECT_EQ(map.granted, (std::vector<PortInterval>{{0, 0xFFFF}}));
    EXPECT_TRUE(map.straddle_granted[0] && map.straddle_granted[1] && map.straddle_granted[2]);
    EXPECT_EQ(map.padding_clear, 4096U * 8 - 3);
    EXPECT_TRUE(map.grants(0xFFFF, 4));
}

TEST(Iopm, MergesRunsAcrossBytes) {
    Pages p(3, 0xFF);
    for (unsigned port = 0x3F8; port <= 0x3FF; ++port) {
        clear(p, port);
    }
    clear(p, 0x400);
    clear(p, 0);
    clear(p, 0xFFFF);
    const Iopm map = iopm(p);
    EXPECT_EQ(map.granted, (std::vector<PortInterval>{{0, 0}, {0x3F8, 0x400}, {0xFFFF, 0xFFFF}}));
    EXPECT_TRUE(map.grants(0x3F8, 4));
    EXPECT_TRUE(map.grants(0x400, 1));
    EXPECT_FALSE(map.grants(0x400, 2)); // every byte of an access is tested
    EXPECT_FALSE(map.grants(0x3F7, 2));
}

TEST(Iopm, AccessThatStraddlesTheLastPort) {
    Pages p(3, 0xFF);
    clear(p, 0xFFFF);
    EXPECT_TRUE(iopm(p).grants(0xFFFF, 1));
    EXPECT_FALSE(iopm(p).grants(0xFFFF, 2));
    clear(p, 0x10000);
    EXPECT_TRUE(iopm(p).grants(0xFFFF, 2));
    EXPECT_FALSE(iopm(p).grants(0xFFFF, 4));
    clear(p, 0x10001);
    clear(p, 0x10002);
    EXPECT_TRUE(iopm(p).grants(0xFFFF, 4));
    const Iopm map = iopm(p);
    EXPECT_EQ(map.padding_clear, 0U);
    clear(p, 0x10003);
    EXPECT_EQ(iopm(p).padding_clear, 1U);
}

TEST(Iopm, PlaceIsChecked) {
    const Pages p(3, 0xFF);
    EXPECT_FALSE(decode_iopm(p.memory(), Pages::page(1), "iopm").readable);
    EXPECT_TRUE(decode_iopm(p.memory(), Pages::page(1), "iopm").defects.has(DefectKind::unreadable));
    EXPECT_TRUE(decode_iopm(p.memory(), Pages::kBase + 8, "iopm").defects.has(DefectKind::unaligned));
    HostMemory memory = p.memory();
    memory.sealed_size = kPageSize;
    const Iopm map = decode_iopm(memory, Pages::kBase, "iopm");
    EXPECT_TRUE(map.readable);
    EXPECT_TRUE(map.defects.has(DefectKind::outside_tables));
}

TEST(Msrpm, BordersOfTheThreeRanges) {
    // §15.11: two bits per MSR, from byte 0, 800h and 1000h.
    EXPECT_EQ(msrpm_bit(0), 0U);
    EXPECT_EQ(msrpm_bit(0x1FFF), 0x7FFU * 8 + 6);
    EXPECT_EQ(msrpm_bit(0x2000), std::nullopt);
    EXPECT_EQ(msrpm_bit(0xBFFF'FFFF), std::nullopt);
    EXPECT_EQ(msrpm_bit(0xC000'0000), 0x800U * 8);
    EXPECT_EQ(msrpm_bit(0xC000'1FFF), 0xFFFU * 8 + 6);
    EXPECT_EQ(msrpm_bit(0xC000'2000), std::nullopt);
    EXPECT_EQ(msrpm_bit(0xC001'0000), 0x1000U * 8);
    EXPECT_EQ(msrpm_bit(0xC001'1FFF), 0x17FFU * 8 + 6);
    EXPECT_EQ(msrpm_bit(0xC001'2000), std::nullopt);
    EXPECT_EQ(msrpm_bit(0xFFFF'FFFF), std::nullopt);
}

TEST(Msrpm, AllOnesGrantNothing) {
    const Msrpm map = msrpm(Pages(2, 0xFF));
    EXPECT_TRUE(map.readable && map.reads.empty() && map.writes.empty());
    EXPECT_EQ(map.reserved_clear, 0U);
}

TEST(Msrpm, AllZerosGrantExactlyTheRanges) {
    const Msrpm map = msrpm(Pages(2));
    const std::vector<MsrInterval> all = {{0, 0x1FFF}, {0xC000'0000, 0xC000'1FFF}, {0xC001'0000, 0xC001'1FFF}};
    EXPECT_EQ(map.reads, all);
    EXPECT_EQ(map.writes, all);
    EXPECT_EQ(map.reserved_clear, 0x800U * 8);
    EXPECT_FALSE(map.reads_msr(0x2000));
    EXPECT_FALSE(map.reads_msr(0xC000'2000));
}

TEST(Msrpm, LowBitReadsHighBitWrites) {
    Pages p(2, 0xFF);
    p.bytes[0x277 / 4] = static_cast<std::uint8_t>(p.bytes[0x277 / 4] & ~(1U << (2 * (0x277 % 4))));
    p.bytes[0x800 + 0x81 / 4] = static_cast<std::uint8_t>(~(2U << (2 * (0x81 % 4))));
    p.bytes[0x17FF] = 0x3F; // C001_1FFF, both
    const Msrpm map = msrpm(p);
    EXPECT_EQ(map.reads, (std::vector<MsrInterval>{{0x277, 0x277}, {0xC001'1FFF, 0xC001'1FFF}}));
    EXPECT_EQ(map.writes, (std::vector<MsrInterval>{{0xC000'0081, 0xC000'0081}, {0xC001'1FFF, 0xC001'1FFF}}));
    EXPECT_TRUE(map.reads_msr(0x277));
    EXPECT_FALSE(map.writes_msr(0x277));
}

TEST(Msrpm, RunsAreMerged) {
    Pages p(2, 0xFF);
    for (unsigned msr = 0x810; msr <= 0x827; ++msr) {
        clear(p, msr * 2);
    }
    EXPECT_EQ(msrpm(p).reads, (std::vector<MsrInterval>{{0x810, 0x827}}));
}

TEST(Msrpm, PlaceIsChecked) {
    const Pages p(2, 0xFF);
    EXPECT_TRUE(decode_msrpm(p.memory(), 0, "msrpm").defects.has(DefectKind::unreadable));
    EXPECT_TRUE(decode_msrpm(p.memory(), Pages::kBase + 16, "msrpm").defects.has(DefectKind::unaligned));
}

} // namespace
} // namespace septum::verifier::decode
