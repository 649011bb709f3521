// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/amd_vi.hpp"

#include "memory.hpp"

namespace septum::verifier::decode {
namespace {

using test::Pages;
using test::put;

constexpr std::uint64_t kDevicePages = 512; // 65,536 entries of 32 bytes
constexpr std::uint64_t kRead = 1ULL << 61;
constexpr std::uint64_t kWrite = 1ULL << 62;
constexpr std::uint64_t kBlocked = 3;        // V, TV, no rights
constexpr std::uint64_t kRemap = 2ULL << 60; // IntCtl = 10b
constexpr std::uint64_t kValid = 1;          // IV

struct Unit : Pages {
    explicit Unit(std::uint64_t more = 0) : Pages(kDevicePages + more) {
        for (std::uint64_t id = 0; id < 0x1'0000; ++id) {
            device(id, kBlocked, 0, kValid);
        }
    }
    void device(std::uint64_t id, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d = 0) {
        put(bytes, id * 32, a, 8);
        put(bytes, id * 32 + 8, b, 8);
        put(bytes, id * 32 + 16, c, 8);
        put(bytes, id * 32 + 24, d, 8);
    }
    // The `number`th page behind the device table.
    [[nodiscard]] static std::uint64_t extra(std::uint64_t number) { return page(kDevicePages + number); }
    void pte(std::uint64_t number, std::uint64_t index, std::uint64_t value) {
        entry(kDevicePages + number, index, value);
    }
    [[nodiscard]] AmdViTables decode(bool wide = false) const {
        return decode_amd_vi(memory(), kBase, 46, wide, "iommu");
    }
};

std::uint64_t pointer(std::uint64_t page, unsigned next, std::uint64_t rights = kRead | kWrite) {
    return page | 1 | std::uint64_t{next} << 9 | rights;
}

TEST(AmdVi, BlockedEntriesBlockEveryRequester) {
    const AmdViTables t = Unit().decode();
    EXPECT_TRUE(t.dma.defects.empty()) << t.dma.defects.kept()[0].what;
    EXPECT_EQ(t.dma.requesters, (std::vector<RequesterInterval>{{0, 0xFFFF, DmaState::blocked, 0}}));
    EXPECT_EQ(t.interrupts, (std::vector<InterruptRoute>{{0, 0xFFFF, InterruptState::blocked, 0}}));
    EXPECT_EQ(t.dma.tables.size(), kDevicePages);
    EXPECT_EQ(t.dma.deciding.size(), kDevicePages);
}

TEST(AmdVi, ZeroEntriesLetEverythingThrough) {
    Unit u;
    u.device(0xFFFF, 0, 0, 0);
    u.device(0x100, 2, 0, kValid);                     // V = 0
    u.device(0x101, 1, 0, kValid);                     // TV = 0
    u.device(0x102, 3 | kRead, 0, kValid);             // no table, but a right
    u.device(0x103, kBlocked, 0, 0);                   // IV = 0
    u.device(0x104, kBlocked, 0, kValid | 1ULL << 60); // IntCtl = 01b
    const AmdViTables t = u.decode();
    EXPECT_EQ(t.dma.requesters, (std::vector<RequesterInterval>{{0, 0xFF, DmaState::blocked, 0},
                                                                {0x100, 0x102, DmaState::passthrough, 0},
                                                                {0x103, 0xFFFE, DmaState::blocked, 0},
                                                                {0xFFFF, 0xFFFF, DmaState::passthrough, 0}}));
    EXPECT_EQ(t.interrupts, (std::vector<InterruptRoute>{{0, 0xFF, InterruptState::blocked, 0},
                                                         {0x100, 0x100, InterruptState::unmapped, 0},
                                                         {0x101, 0x102, InterruptState::blocked, 0},
                                                         {0x103, 0x104, InterruptState::unmapped, 0},
                                                         {0x105, 0xFFFE, InterruptState::blocked, 0},
                                                         {0xFFFF, 0xFFFF, InterruptState::unmapped, 0}}));
}

TEST(AmdVi, PassBitsAreSeen) {
    for (const unsigned bit : {56U, 57U, 62U, 63U}) {
        Unit u;
        u.device(7, kBlocked, 0, kValid | 1ULL << bit);
        EXPECT_EQ(u.decode().interrupts.at(1), (InterruptRoute{7, 7, InterruptState::unmapped, 0})) << bit;
    }
    Unit u;
    u.device(7, kBlocked, 0, kValid | 1ULL << 58);
    EXPECT_EQ(u.decode().interrupts.at(1), (InterruptRoute{7, 7, InterruptState::nmi, 0}));
}

TEST(AmdVi, TranslationIsFollowed) {
    Unit u(4);
    u.device(0x308, 3 | 3U << 9 | Unit::extra(0) | kRead | kWrite, 5, kValid); // three levels, domain 5
    u.device(0x309, 3 | 3U << 9 | Unit::extra(0) | kRead | kWrite, 5, kValid);
    u.device(0x30A, 3 | 3U << 9 | Unit::extra(0) | kRead, 5, kValid); // the same, read only
    u.pte(0, 0, pointer(Unit::extra(1), 2));
    u.pte(0, 1, pointer(0x8000'0000, 0));        // 1 GiB
    u.pte(1, 1, pointer(0x4000'0000, 0, kRead)); // 2 MiB, read only
    u.pte(1, 2, pointer(Unit::extra(2), 1, kRead));
    u.pte(2, 0, pointer(0x5000'0000, 0));
    u.pte(2, 1, pointer(0x5000'1000, 0, kWrite)); // write only below read only: nothing
    const AmdViTables t = u.decode();
    EXPECT_TRUE(t.dma.defects.empty()) << t.dma.defects.kept()[0].what;
    ASSERT_EQ(t.dma.domains.size(), 2U);
    const DmaDomain& d = t.dma.domains[0];
    EXPECT_EQ(d.id, 5);
    EXPECT_EQ(d.levels, 3);
    ASSERT_EQ(d.reach.size(), 3U);
    EXPECT_EQ(d.reach[0],
              (Interval{0x20'0000, 0x4000'0000, 0x20'0000, kAccessRead, kPage2M, CacheType::write_back, true}));
    EXPECT_EQ(d.reach[1],
              (Interval{0x40'0000, 0x5000'0000, 0x1000, kAccessRead, kPage4K, CacheType::write_back, true}));
    EXPECT_EQ(d.reach[2], (Interval{0x4000'0000, 0x8000'0000, 0x4000'0000, kAccessRead | kAccessWrite, kPage1G,
                                    CacheType::write_back, true}));
    EXPECT_EQ(t.dma.domains[1].reach.at(2).access, kAccessRead);
    EXPECT_EQ(t.dma.requesters.at(1), (RequesterInterval{0x308, 0x309, DmaState::translated, 0}));
    EXPECT_EQ(t.dma.requesters.at(2), (RequesterInterval{0x30A, 0x30A, DmaState::translated, 1}));
}

// §2.2.3: with levels left out, the skipped address bits must be zero.
TEST(AmdVi, SkippedLevelsCoverTheBeginning) {
    Unit u(2);
    u.device(8, 3 | 4U << 9 | Unit::extra(0) | kRead | kWrite, 1, kValid);
    u.pte(0, 2, pointer(Unit::extra(1), 1)); // from level 4 to level 1
    u.pte(1, 3, pointer(0x7000'0000, 0));
    const AmdViTables t = u.decode();
    EXPECT_TRUE(t.dma.defects.empty());
    ASSERT_EQ(t.dma.domains.at(0).reach.size(), 1U);
    EXPECT_EQ(t.dma.domains[0].reach[0].gpa, (2ULL << 39) + 3 * kPageSize);
    EXPECT_EQ(t.dma.domains[0].reach[0].hpa, 0x7000'0000U);
}

TEST(AmdVi, WhatIsNotUsedHereIsUnknown) {
    for (const std::uint64_t entry :
         {pointer(0x4000'0000, 7), pointer(Unit::extra(1), 2), pointer(Unit::extra(1), 5), pointer(0x10'0000, 1)}) {
        Unit u(2);
        u.device(8, 3 | 2U << 9 | Unit::extra(0) | kRead | kWrite, 1, kValid);
        u.pte(0, 0, entry);
        const AmdViTables t = u.decode();
        EXPECT_FALSE(t.dma.domains.at(0).complete) << std::hex << entry;
        EXPECT_FALSE(t.dma.defects.empty());
    }
    Unit u(1);
    u.device(8, 3 | 4U << 9 | Unit::extra(0) | kRead | kWrite, 1, kValid);
    u.pte(0, 0, pointer(0, 0)); // 512 GiB
    EXPECT_FALSE(u.decode().dma.domains.at(0).complete);
    u.device(8, 3 | 5U << 9 | Unit::extra(0) | kRead | kWrite, 1, kValid);
    EXPECT_EQ(u.decode().dma.requesters.at(1).state, DmaState::unknown);
    const AmdViTables lost = decode_amd_vi(u.memory(), 0x1000, 46, false, "iommu");
    EXPECT_EQ(lost.dma.requesters, (std::vector<RequesterInterval>{{0, 0xFFFF, DmaState::unknown, 0}}));
    EXPECT_EQ(lost.interrupts, (std::vector<InterruptRoute>{{0, 0xFFFF, InterruptState::unknown, 0}}));
}

TEST(AmdVi, EveryOtherFieldIsADefect) {
    const struct {
        const char* what;
        unsigned word;
        std::uint64_t bit;
        DefectKind kind;
    } cases[] = {
        {"reserved", 0, 1ULL << 2, DefectKind::reserved_bits},
        {"dirty marks", 0, 1ULL << 8, DefectKind::reserved_bits},
        {"page requests", 0, 1ULL << 52, DefectKind::reserved_bits},
        {"guest translation", 0, 1ULL << 55, DefectKind::reserved_bits},
        {"guest table", 0, 1ULL << 58, DefectKind::reserved_bits},
        {"guest table, middle", 1, 1ULL << 16, DefectKind::reserved_bits},
        {"suppressed faults", 1, 1ULL << 33, DefectKind::wrong_value},
        {"all faults suppressed", 1, 1ULL << 34, DefectKind::wrong_value},
        {"port i/o", 1, 1ULL << 35, DefectKind::wrong_value},
        {"cache hint", 1, 1ULL << 37, DefectKind::reserved_bits},
        {"exclusion", 1, 1ULL << 39, DefectKind::wrong_value},
        {"system management", 1, 1ULL << 40, DefectKind::wrong_value},
        {"guest table, end", 1, 1ULL << 63, DefectKind::reserved_bits},
        {"ignored interrupts", 2, 1ULL << 5, DefectKind::wrong_value},
        {"reserved", 2, 1ULL << 59, DefectKind::reserved_bits},
        {"control without meaning", 2, 3ULL << 60, DefectKind::reserved_bits},
        {"last word", 3, 1, DefectKind::reserved_bits},
    };
    for (const auto& one : cases) {
        Unit u;
        std::uint64_t e[4] = {kBlocked, 0, kValid, 0};
        e[one.word] |= one.bit;
        u.device(0x1234, e[0], e[1], e[2], e[3]);
        const AmdViTables t = u.decode();
        EXPECT_TRUE(t.dma.defects.has(one.kind)) << one.what;
        EXPECT_EQ(t.dma.defects.total(), 1U) << one.what;
    }
}

TEST(AmdVi, ADeviceTlbIsSeenWithoutRights) {
    Unit u(1);
    u.device(8, 3 | 1U << 9 | Unit::extra(0), 1 | 1ULL << 32, kValid);
    const AmdViTables t = u.decode();
    ASSERT_EQ(t.dma.domains.size(), 1U);
    EXPECT_TRUE(t.dma.domains[0].device_tlb);
}

TEST(AmdVi, InterruptTablesAreTakenApart) {
    for (const bool wide : {false, true}) {
        Unit u(2);
        u.device(0x200, kBlocked, 0, kValid | 3U << 1 | Unit::extra(0) | kRemap); // eight entries
        u.device(0x201, kBlocked, 0, kValid | 0U << 1 | Unit::extra(1) | kRemap);
        const std::uint64_t at = kDevicePages * kPageSize;
        if (wide) {
            put(u.bytes, at + 2 * 16, 1 | 1U << 6 | 0x123456U << 8, 8);
            put(u.bytes, at + 2 * 16 + 8, 0x41 | 0x9AULL << 56, 8);
        } else {
            put(u.bytes, at + 2 * 4, 1 | 1U << 6 | 5U << 8 | 0x41U << 16, 4);
        }
        EXPECT_TRUE(u.decode(wide).dma.defects.empty());
        put(u.bytes, at + 8 * (wide ? 16U : 4U), ~0U, 4); // behind the table's end: no entry, and nobody's
        const AmdViTables t = u.decode(wide);
        EXPECT_TRUE(t.dma.defects.has(DefectKind::stray_bytes));
        EXPECT_EQ(t.dma.defects.total(), 1U);
        ASSERT_EQ(t.tables.size(), 2U);
        EXPECT_EQ(t.tables[0].entries, 8U);
        EXPECT_EQ(t.tables[1].entries, 1U);
        ASSERT_EQ(t.tables[0].enabled.size(), 1U);
        const InterruptEntry& e = t.tables[0].enabled[0];
        EXPECT_EQ(e.index, 2U);
        EXPECT_EQ(e.vector, 0x41);
        EXPECT_TRUE(e.logical);
        EXPECT_EQ(e.destination, wide ? 0x9A12'3456U : 5U);
        EXPECT_EQ(t.interrupts.at(1), (InterruptRoute{0x200, 0x200, InterruptState::remapped, 0}));
        EXPECT_EQ(t.interrupts.at(2), (InterruptRoute{0x201, 0x201, InterruptState::remapped, 1}));
        EXPECT_EQ(t.interrupt_pages, (std::vector<std::uint64_t>{Unit::extra(0), Unit::extra(1)}));
    }
}

TEST(AmdVi, InterruptTablesHaveBounds) {
    Unit u(1);
    u.device(1, kBlocked, 0, kValid | 12U << 1 | Unit::extra(0) | kRemap); // length without meaning
    u.device(2, kBlocked, 0, kValid | 11U << 1 | Unit::extra(0) | kRemap); // 8 KiB where 4 are left
    u.device(3, kBlocked, 0, kValid | 1U << 1 | (Unit::extra(0) + 64) | kRemap);
    put(u.bytes, kDevicePages * kPageSize + 64, 0x4100'00, 4); // not enabled, yet something is there
    const AmdViTables t = u.decode();
    EXPECT_EQ(t.interrupts.at(1), (InterruptRoute{1, 2, InterruptState::unknown, 0}));
    EXPECT_TRUE(t.dma.defects.has(DefectKind::unreadable));
    EXPECT_TRUE(t.dma.defects.has(DefectKind::unaligned));
    EXPECT_EQ(t.dma.defects.count(DefectKind::reserved_bits), 2U);
}

TEST(AmdVi, TangledTablesEnd) {
    Unit u(4);
    for (unsigned i = 0; i < 256; ++i) {
        u.device(i, 3 | 4U << 9 | Unit::extra(0) | kRead | kWrite, i, kValid);
    }
    for (unsigned i = 0; i < 512; ++i) {
        u.pte(0, i, pointer(Unit::extra(1), 3));
        u.pte(1, i, pointer(Unit::extra(2), 2));
        u.pte(2, i, pointer(Unit::extra(3), 1));
        u.pte(3, i, pointer(0x1000ULL * (i % 7), 0));
    }
    const AmdViTables t = u.decode();
    EXPECT_TRUE(t.dma.defects.has(DefectKind::too_much));
    EXPECT_EQ(t.dma.requesters.back().last, 0xFFFFU);
}

} // namespace
} // namespace septum::verifier::decode
