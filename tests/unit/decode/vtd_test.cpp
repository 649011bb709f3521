// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/vtd.hpp"

#include "memory.hpp"

namespace septum::verifier::decode {
namespace {

using test::Pages;
using test::put;

DmaTables decode(const Pages& p) {
    return decode_vtd(p.memory(), Pages::kBase, 46, "iommu");
}

void wide(Pages& p, std::uint64_t page, std::uint64_t index, std::uint64_t low, std::uint64_t high) {
    put(p.bytes, page * kPageSize + index * 16, low, 8);
    put(p.bytes, page * kPageSize + index * 16 + 8, high, 8);
}

TEST(Vtd, ZeroRootBlocksEveryRequester) {
    const DmaTables t = decode(Pages(1));
    EXPECT_EQ(t.requesters, (std::vector<RequesterInterval>{{0, 0xFFFF, DmaState::blocked, 0}}));
    EXPECT_TRUE(t.defects.empty());
    EXPECT_EQ(t.tables, std::vector<std::uint64_t>{Pages::kBase});
}

TEST(Vtd, PassthroughIsFound) {
    Pages p(2);
    wide(p, 0, 0, Pages::page(1) | 1, 0);
    wide(p, 1, 0xFA, 1 | 2 << 2, 2 | 7 << 8); // 00:1f.2, TT = 10b
    const DmaTables t = decode(p);
    EXPECT_EQ(t.requesters, (std::vector<RequesterInterval>{{0, 0xF9, DmaState::blocked, 0},
                                                            {0xFA, 0xFA, DmaState::passthrough, 0},
                                                            {0xFB, 0xFFFF, DmaState::blocked, 0}}));
    EXPECT_TRUE(t.defects.empty());
}

TEST(Vtd, TranslationIsFollowed) {
    Pages p(6);
    wide(p, 0, 3, Pages::page(1) | 1, 0);
    wide(p, 1, 8, Pages::page(2) | 1, 1 | 5 << 8); // 03:01.0: three levels
    wide(p, 1, 9, Pages::page(2) | 1, 1 | 5 << 8); // the same domain
    p.entry(2, 0, Pages::page(3) | 3);
    p.entry(3, 1, 0x4000'0000 | 1 | 1 << 7); // 2 MiB, read only
    p.entry(3, 2, Pages::page(4) | 1);       // read only above
    p.entry(4, 0, 0x5000'0000 | 3);
    p.entry(4, 1, 0x5000'1000 | 2); // write only below read only: nothing
    const DmaTables t = decode(p);
    ASSERT_EQ(t.domains.size(), 1U);
    EXPECT_EQ(t.domains[0].id, 5);
    EXPECT_EQ(t.domains[0].levels, 3);
    ASSERT_EQ(t.domains[0].reach.size(), 2U);
    EXPECT_EQ(t.domains[0].reach[0].gpa, 0x20'0000U);
    EXPECT_EQ(t.domains[0].reach[0].hpa, 0x4000'0000U);
    EXPECT_EQ(t.domains[0].reach[0].size, 0x20'0000U);
    EXPECT_EQ(t.domains[0].reach[0].access, kAccessRead);
    EXPECT_EQ(t.domains[0].reach[1].hpa, 0x5000'0000U);
    EXPECT_EQ(t.domains[0].reach[1].access, kAccessRead);
    ASSERT_EQ(t.requesters.size(), 3U);
    EXPECT_EQ(t.requesters[1], (RequesterInterval{0x308, 0x309, DmaState::translated, 0}));
    EXPECT_TRUE(t.defects.empty());
}

TEST(Vtd, MalformedIsUnknownNeverBlocked) {
    Pages p(2);
    wide(p, 0, 0, 0x1000 | 1, 0); // context table outside the bundle
    wide(p, 0, 1, Pages::page(1) | 1, 0);
    wide(p, 1, 0, Pages::page(1) | 1, 7); // width without meaning
    wide(p, 1, 1, 1 | 3 << 2, 2);         // TT = 11b
    const DmaTables t = decode(p);
    EXPECT_EQ(t.requesters.at(0), (RequesterInterval{0, 0x101, DmaState::unknown, 0}));
    EXPECT_TRUE(t.defects.has(DefectKind::unreadable));
    EXPECT_EQ(decode_vtd(p.memory(), 0, 46, "iommu").requesters,
              (std::vector<RequesterInterval>{{0, 0xFFFF, DmaState::unknown, 0}}));
}

TEST(Vtd, ReservedBits) {
    Pages p(2);
    wide(p, 0, 0, Pages::page(1) | 1 | 1 << 4, 0);
    wide(p, 0, 1, Pages::page(1) | 1, 1);
    wide(p, 0, 2, 0x5000, 0); // not present, yet something is there
    EXPECT_EQ(decode(p).defects.count(DefectKind::reserved_bits), 3U);
}

TEST(Vtd, LargePagesOfEveryLevel) {
    Pages p(5);
    wide(p, 0, 0, Pages::page(1) | 1, 0);
    wide(p, 1, 8, Pages::page(2) | 1, 2 | 1 << 8); // four levels
    p.entry(2, 1, Pages::page(3) | 3);
    p.entry(3, 2, 0x8000'0000 | 3 | 1 << 7); // 1 GiB
    p.entry(3, 3, Pages::page(4) | 3);
    p.entry(4, 0, 0xC000'0000 | 3 | 1 << 7); // 2 MiB
    const DmaTables t = decode(p);
    EXPECT_TRUE(t.defects.empty());
    ASSERT_EQ(t.domains.at(0).reach.size(), 1U); // they join
    EXPECT_EQ(t.domains[0].reach[0].gpa, (1ULL << 39) + (2ULL << 30));
    EXPECT_EQ(t.domains[0].reach[0].size, (1ULL << 30) + (2ULL << 20));
    EXPECT_EQ(t.domains[0].reach[0].page_sizes, kPage1G | kPage2M);
    EXPECT_EQ(t.deciding, std::vector<std::uint64_t>{Pages::page(1)});
}

TEST(Vtd, WhatIsNotUsedHereIsADefect) {
    const struct {
        std::uint64_t context;
        std::uint64_t entry;
    } cases[] = {
        {2, 0},                           // FPD: faults are not reported
        {0, 1 << 2},     {0, 1 << 3},     // execute, memory type
        {0, 1 << 8},     {0, 1ULL << 11}, // accessed, snoop
        {0, 1ULL << 62},                  // transient
        {0, 1 << 12},                     // a large page that is not aligned
        {0, 1ULL << 50},                  // an address beyond the board
    };
    for (const auto& one : cases) {
        Pages p(4);
        wide(p, 0, 0, Pages::page(1) | 1, 0);
        wide(p, 1, 8, Pages::page(2) | 1 | one.context, 1 | 1 << 8);
        p.entry(2, 0, Pages::page(3) | 3);
        p.entry(3, 0, 0x4000'0000 | 3 | 1 << 7 | one.entry);
        EXPECT_EQ(decode(p).defects.total(), 1U) << one.context << " " << one.entry;
    }
    Pages p(4);
    wide(p, 0, 0, Pages::page(1) | 1, 0);
    wide(p, 1, 8, Pages::page(2) | 1, 1 | 1 << 8);
    p.entry(2, 0, 0x4000'0000); // not present, yet something is there
    EXPECT_EQ(decode(p).defects.total(), 1U);
}

TEST(Vtd, TangledTablesEnd) {
    Pages p(4);
    for (unsigned bus = 0; bus < 256; ++bus) {
        wide(p, 0, bus, Pages::page(1) | 1, 0);
        wide(p, 1, bus, Pages::page(2) | 1, 2 | bus << 8);
    }
    for (unsigned i = 0; i < 512; ++i) {
        p.entry(2, i, Pages::page(2 + i % 2) | 3);
        p.entry(3, i, Pages::page(3 - i % 2) | 3);
    }
    const DmaTables t = decode(p);
    EXPECT_TRUE(t.defects.has(DefectKind::too_much));
    EXPECT_EQ(t.requesters.back().last, 0xFFFFU);
}

TEST(InterruptTable, ZeroTableHasNoEntry) {
    const InterruptTable t = decode_interrupt_table(Pages(1).memory(), Pages::kBase, 256, "irt");
    EXPECT_TRUE(t.readable);
    EXPECT_TRUE(t.present.empty());
    EXPECT_TRUE(t.defects.empty());
}

TEST(InterruptTable, EntryIsTakenApart) {
    Pages p(1);
    wide(p, 0, 7, 1 | 1 << 2 | 4 << 5 | 0x31 << 16 | 5ULL << 32, 0xFA | 1 << 18);
    const InterruptTable t = decode_interrupt_table(p.memory(), Pages::kBase, 256, "irt");
    ASSERT_EQ(t.present.size(), 1U);
    EXPECT_EQ(t.present[0].index, 7U);
    EXPECT_EQ(t.present[0].vector, 0x31);
    EXPECT_EQ(t.present[0].delivery, 4);
    EXPECT_TRUE(t.present[0].logical);
    EXPECT_EQ(t.present[0].destination, 5U);
    EXPECT_EQ(t.present[0].source, 0xFA);
    EXPECT_EQ(t.present[0].source_check, 1);
}

TEST(InterruptTable, HandlesThatWaitSayWhoseTheyAre) {
    Pages p(1);
    wide(p, 0, 16, 0, 0x200 | 1 << 18);
    wide(p, 0, 17, 0, 0x200 | 1 << 16 | 1 << 18);
    InterruptTable t = decode_interrupt_table(p.memory(), Pages::kBase, 256, "irt");
    EXPECT_TRUE(t.defects.empty());
    EXPECT_TRUE(t.present.empty());
    ASSERT_EQ(t.reserved.size(), 2U);
    EXPECT_EQ(t.reserved[0].index, 16U);
    EXPECT_EQ(t.reserved[0].source, 0x200);
    EXPECT_EQ(t.reserved[0].source_check, 1);
    EXPECT_EQ(t.reserved[1].qualifier, 1);
    wide(p, 0, 18, 0x31 << 16, 0x200 | 1 << 18); // a vector before it is present
    wide(p, 0, 19, 0, 0x200 | 1 << 20);
    t = decode_interrupt_table(p.memory(), Pages::kBase, 256, "irt");
    EXPECT_EQ(t.defects.count(DefectKind::reserved_bits), 2U);
}

TEST(InterruptTable, PresentEntriesReportTheirFaults) {
    Pages p(1);
    wide(p, 0, 7, 1 | 2 | 4 << 5 | 0x31 << 16, 0xFA | 1 << 18); // FPD
    wide(p, 0, 8, 1 | 1 << 4 | 0x31 << 16, 0xFA | 1 << 18);     // level
    EXPECT_EQ(decode_interrupt_table(p.memory(), Pages::kBase, 256, "irt").defects.total(), 2U);
}

TEST(InterruptTable, WrongSizesAreRefused) {
    const Pages p(1);
    for (const std::uint64_t entries : {0ULL, 1ULL, 3ULL, 255ULL, 1ULL << 17, ~0ULL}) {
        EXPECT_TRUE(
            decode_interrupt_table(p.memory(), Pages::kBase, entries, "irt").defects.has(DefectKind::wrong_value));
    }
    EXPECT_TRUE(decode_interrupt_table(p.memory(), Pages::kBase, 512, "irt").defects.has(DefectKind::unreadable));
}

} // namespace
} // namespace septum::verifier::decode
