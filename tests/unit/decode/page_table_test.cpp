// SPDX-License-Identifier: Apache-2.0
// Entries are written as the manual draws them (APM 2 figures 5-21 to 5-29), never by an encoder.
#include "verifier/decode/page_table.hpp"

#include "memory.hpp"
#include "tests/unit/cpu_time.hpp"

namespace septum::verifier::decode {
namespace {

using test::Pages;

constexpr std::uint64_t kP = 1, kRw = 2, kUs = 4, kPwt = 8, kPcd = 16, kA = 32, kD = 64, kPs = 128;
constexpr std::uint64_t kNx = 1ULL << 63;
constexpr std::uint64_t kTable = kP | kRw | kUs | kA;
constexpr std::uint64_t kLeaf = kTable | kD;
constexpr std::uint8_t kRwx = kAccessRead | kAccessWrite | kAccessExecute;

// Pages 0..3: PML4, PDPT, PD, PT, linked by their first entries.
Pages chain(std::uint64_t pages = 4) {
    Pages p(pages);
    p.entry(0, 0, Pages::page(1) | kTable);
    p.entry(1, 0, Pages::page(2) | kTable);
    p.entry(2, 0, Pages::page(3) | kTable);
    return p;
}

PageTable decode(const Pages& p, const PageTableRules& rules = {}) {
    return decode_page_table(p.memory(), Pages::page(0), rules, "npt");
}

TEST(PageTable, EmptyRootGrantsNothing) {
    const Pages p(1);
    const PageTable t = decode(p);
    EXPECT_TRUE(t.intervals.empty());
    EXPECT_TRUE(t.complete);
    EXPECT_TRUE(t.defects.empty());
    EXPECT_EQ(t.tables, std::vector<std::uint64_t>{Pages::page(0)});
}

TEST(PageTable, MergesContiguousPages) {
    Pages p = chain();
    for (unsigned i = 0; i < 16; ++i) {
        p.entry(3, i, (0x4000'0000 + i * 0x1000) | kLeaf);
    }
    p.entry(3, 20, 0x4001'4000 | kLeaf); // a gap in gpa
    p.entry(3, 21, 0x5000'0000 | kLeaf); // a jump in hpa
    p.entry(3, 22, 0x5000'1000 | (kLeaf & ~kRw));
    const PageTable t = decode(p);
    ASSERT_EQ(t.intervals.size(), 4U);
    EXPECT_EQ(t.intervals[0], (Interval{0, 0x4000'0000, 0x10000, kRwx, kPage4K, CacheType::write_back, true}));
    EXPECT_EQ(t.intervals[1].gpa, 0x14000U);
    EXPECT_EQ(t.intervals[1].size, 0x1000U);
    EXPECT_EQ(t.intervals[2].hpa, 0x5000'0000U);
    EXPECT_EQ(t.intervals[3].access, kAccessRead | kAccessExecute);
    EXPECT_EQ(t.leaves, 19U);
    EXPECT_EQ(t.entries, 22U);
    EXPECT_TRUE(t.defects.empty());
    EXPECT_EQ(t.tables.size(), 4U);
}

TEST(PageTable, LastEntryOfEveryTable) {
    Pages p(4);
    p.entry(0, 511, Pages::page(1) | kTable);
    p.entry(1, 511, Pages::page(2) | kTable);
    p.entry(2, 511, Pages::page(3) | kTable);
    p.entry(3, 511, 0x7000 | kLeaf);
    PageTable t = decode(p);
    ASSERT_EQ(t.intervals.size(), 1U);
    EXPECT_EQ(t.intervals[0].gpa, 0xFFFF'FFFF'F000U); // 48 bits of guest-physical address
    PageTableRules rules;
    rules.nested = false;
    t = decode(p, rules);
    ASSERT_EQ(t.intervals.size(), 1U);
    EXPECT_EQ(t.intervals[0].gpa, 0xFFFF'FFFF'FFFF'F000U); // canonical
}

TEST(PageTable, LargePagesMergeWithSmallOnes) {
    Pages p = chain();
    for (unsigned i = 0; i < 512; ++i) {
        p.entry(3, i, (0x4000'0000 + i * 0x1000) | kLeaf);
    }
    p.entry(2, 1, 0x4020'0000 | kLeaf | kPs);
    p.entry(1, 1, 0x8000'0000 | kLeaf | kPs);
    const PageTable t = decode(p);
    ASSERT_EQ(t.intervals.size(), 2U);
    EXPECT_EQ(t.intervals[0].size, 0x40'0000U);
    EXPECT_EQ(t.intervals[0].page_sizes, kPage4K | kPage2M);
    EXPECT_EQ(t.intervals[1].gpa, 0x4000'0000U);
    EXPECT_EQ(t.intervals[1].size, 1ULL << 30);
    EXPECT_EQ(t.intervals[1].page_sizes, kPage1G);
    EXPECT_TRUE(t.defects.empty());
}

TEST(PageTable, UpperLevelsTakeRightsAway) {
    for (unsigned level = 0; level < 3; ++level) {
        Pages p = chain();
        p.entry(3, 5, 0x9000 | kLeaf);
        p.entry(level, 0, (Pages::page(level + 1) | kTable) & ~kRw);
        EXPECT_EQ(decode(p).intervals.at(0).access, kAccessRead | kAccessExecute) << level;
        p.entry(level, 0, Pages::page(level + 1) | kTable | kNx);
        EXPECT_EQ(decode(p).intervals.at(0).access, kAccessRead | kAccessWrite) << level;
        p.entry(level, 0, (Pages::page(level + 1) | kTable) & ~kUs);
        const PageTable t = decode(p);
        EXPECT_TRUE(t.intervals.empty()) << level; // nested accesses are user accesses (§15.25.5)
        EXPECT_TRUE(t.defects.has(DefectKind::not_user)) << level;
    }
}

TEST(PageTable, LeafWithoutUserGrantsNothing) {
    Pages p = chain();
    p.entry(3, 0, 0x9000 | (kLeaf & ~kUs));
    p.entry(3, 1, 0xA000 | (kLeaf & ~kUs));
    const PageTable t = decode(p);
    EXPECT_TRUE(t.intervals.empty());
    EXPECT_EQ(t.defects.count(DefectKind::not_user), 2U);
    EXPECT_EQ(t.leaves, 2U);
}

TEST(PageTable, KernelTablesMustNotBeUser) {
    PageTableRules rules;
    rules.nested = false;
    Pages p(4);
    p.entry(0, 0, Pages::page(1) | (kTable & ~kUs));
    p.entry(1, 0, Pages::page(2) | (kTable & ~kUs));
    p.entry(2, 0, Pages::page(3) | (kTable & ~kUs));
    p.entry(3, 0, 0x9000 | (kLeaf & ~kUs));
    PageTable t = decode(p, rules);
    ASSERT_EQ(t.intervals.size(), 1U);
    EXPECT_FALSE(t.intervals[0].user);
    EXPECT_TRUE(t.defects.empty());
    p.entry(3, 0, 0x9000 | kLeaf);
    t = decode(p, rules);
    EXPECT_EQ(t.defects.count(DefectKind::user), 1U);
    EXPECT_EQ(t.defects.kept().at(0).address, Pages::page(3));
    EXPECT_FALSE(t.intervals[0].user); // the levels above still forbid it
}

TEST(PageTable, AccessedAndDirtyMustBePreset) {
    Pages p = chain();
    p.entry(1, 0, (Pages::page(2) | kTable) & ~kA);
    p.entry(3, 0, 0x9000 | (kLeaf & ~kD));
    p.entry(3, 1, 0xA000 | (kLeaf & ~kA));
    const PageTable t = decode(p);
    EXPECT_EQ(t.defects.count(DefectKind::accessed_clear), 2U);
    EXPECT_EQ(t.defects.count(DefectKind::dirty_clear), 1U);
    PageTableRules rules;
    rules.sealed = false;
    EXPECT_TRUE(decode(p, rules).defects.empty());
}

TEST(PageTable, PatBitLiesAtSevenInSmallPagesAndAtTwelveInLargeOnes) {
    constexpr std::uint64_t pat = 0x0001'0504'0607'0001ULL; // 0 WC, 1 UC, 2 UC-, 3 WB, 4 WT, 5 WP, 6 WC, 7 UC
    PageTableRules rules;
    rules.pat = pat;
    Pages p = chain();
    p.entry(3, 0, 0x1000 | kLeaf);
    p.entry(3, 2, 0x3000 | kLeaf | kPwt);
    p.entry(3, 4, 0x5000 | kLeaf | kPcd);
    p.entry(3, 6, 0x7000 | kLeaf | kPcd | kPwt);
    p.entry(3, 8, 0x9000 | kLeaf | (1 << 7));
    p.entry(3, 10, 0xB000 | kLeaf | (1 << 7) | kPwt);
    p.entry(2, 1, 0x20'0000 | kLeaf | kPs | (1 << 12));
    p.entry(2, 3, 0x60'0000 | kLeaf | kPs);
    p.entry(1, 1, 0x4000'0000 | kLeaf | kPs | (1 << 12) | kPcd);
    const PageTable t = decode(p, rules);
    std::vector<CacheType> types;
    for (const Interval& i : t.intervals) {
        types.push_back(i.type);
    }
    using enum CacheType;
    EXPECT_EQ(types, (std::vector<CacheType>{write_combining, uncacheable, uncached_minus, write_back, write_through,
                                             write_protect, write_through, write_combining, write_combining}));
    EXPECT_EQ(t.intervals[6].hpa, 0x20'0000U); // bit 12 is no address bit there
    EXPECT_TRUE(t.defects.empty());
}

TEST(PageTable, ReservedPatEntryIsNamed) {
    PageTableRules rules;
    rules.pat = 0x02;
    Pages p = chain();
    p.entry(3, 0, 0x1000 | kLeaf);
    EXPECT_EQ(decode(p, rules).intervals.at(0).type, CacheType::reserved);
}

TEST(PageTable, MisalignedGiantPageHasReservedBits) {
    Pages p = chain();
    p.entry(1, 2, 0x8020'0000 | kLeaf | kPs); // 29:13 must be zero
    const PageTable t = decode(p);
    EXPECT_EQ(t.defects.count(DefectKind::reserved_bits), 1U);
    EXPECT_EQ(t.defects.kept().at(0).address, Pages::page(1) + 16);
    EXPECT_EQ(t.defects.kept().at(0).found, 0x8020'0000 | kLeaf | kPs);
    EXPECT_EQ(t.intervals.at(0).hpa, 0x8000'0000U); // granted as a processor that looks away would
}

TEST(PageTable, MisalignedLargePageHasReservedBits) {
    Pages p = chain();
    p.entry(2, 2, 0x8000'2000 | kLeaf | kPs); // 20:13
    EXPECT_EQ(decode(p).defects.count(DefectKind::reserved_bits), 1U);
    p.entry(2, 2, 0x8000'1000 | kLeaf | kPs); // bit 12 is PAT
    EXPECT_EQ(decode(p).defects.count(DefectKind::reserved_bits), 0U);
}

TEST(PageTable, Pml4EntryHasNoPageSizeAndNoGlobal) {
    for (const std::uint64_t bit : {7U, 8U}) {
        Pages p = chain();
        p.entry(3, 0, 0x9000 | kLeaf);
        p.entry(0, 0, Pages::page(1) | kTable | 1ULL << bit);
        const PageTable t = decode(p);
        EXPECT_EQ(t.defects.count(DefectKind::reserved_bits), 1U);
        EXPECT_EQ(t.intervals.size(), 1U);
    }
}

TEST(PageTable, IgnoredAndAvailableBitsAreFree) {
    Pages p = chain();
    p.entry(0, 0, Pages::page(1) | kTable | 7ULL << 9 | 0x7FFULL << 52 | kD);
    p.entry(1, 0, Pages::page(2) | kTable | 1 << 8 | kD);
    p.entry(3, 0, 0x9000 | kLeaf | 1 << 8 | 7ULL << 9 | 0x7FFULL << 52); // G is ignored, 62:52 are available
    const PageTable t = decode(p);
    EXPECT_TRUE(t.defects.empty());
    EXPECT_EQ(t.intervals.at(0).hpa, 0x9000U);
}

TEST(PageTable, AddressBitsBeyondTheProcessorAreReserved) {
    PageTableRules rules;
    rules.physical_address_bits = 40;
    Pages p = chain();
    p.entry(3, 0, (1ULL << 40) | 0x9000 | kLeaf);
    p.entry(3, 1, (1ULL << 39) | kLeaf);
    p.entry(3, 2, (1ULL << 51) | kLeaf);
    const PageTable t = decode(p, rules);
    EXPECT_EQ(t.defects.count(DefectKind::reserved_bits), 2U);
    rules.physical_address_bits = 52;
    EXPECT_TRUE(decode(p, rules).defects.empty());
}

TEST(PageTable, RunDoesNotCarryOutOfTheAddress) {
    Pages p = chain();
    PageTableRules rules;
    rules.physical_address_bits = 40;
    p.entry(3, 0, 0xFF'FFFF'F000 | kLeaf);
    p.entry(3, 1, (0xFF'FFFF'F000 | kLeaf) + 0x1000); // continues the number, not the page
    EXPECT_EQ(decode(p, rules).defects.count(DefectKind::reserved_bits), 1U);
    p.entry(3, 0, 0xF'FFFF'FFFF'F000 | kLeaf);
    p.entry(3, 1, (0xF'FFFF'FFFF'F000 | kLeaf) + 0x1000); // bit 52, which is available: page 0
    const PageTable t = decode(p);
    ASSERT_EQ(t.intervals.size(), 2U);
    EXPECT_EQ(t.intervals[1].hpa, 0U);
}

TEST(PageTable, NoExecuteNeedsNxe) {
    PageTableRules rules;
    rules.no_execute = false;
    Pages p = chain();
    p.entry(3, 0, 0x9000 | kLeaf | kNx);
    EXPECT_EQ(decode(p, rules).defects.count(DefectKind::reserved_bits), 1U);
}

TEST(PageTable, GiantPagesNeedTheFeature) {
    PageTableRules rules;
    rules.pages_1g = false;
    Pages p = chain();
    p.entry(1, 1, 0x4000'0000 | kLeaf | kPs);
    EXPECT_EQ(decode(p, rules).defects.count(DefectKind::reserved_bits), 1U);
}

TEST(PageTable, AliasedTableIsFoundAndItsGrantKept) {
    Pages p = chain();
    p.entry(3, 0, 0x9000 | kLeaf);
    p.entry(2, 7, Pages::page(3) | kTable);
    const PageTable t = decode(p);
    EXPECT_EQ(t.defects.count(DefectKind::table_aliased), 1U);
    EXPECT_EQ(t.defects.kept().at(0).address, Pages::page(2) + 7 * 8);
    ASSERT_EQ(t.intervals.size(), 2U);
    EXPECT_EQ(t.intervals[1].gpa, 7ULL << 21);
    EXPECT_EQ(t.intervals[1].hpa, 0x9000U);
    EXPECT_TRUE(t.complete);
}

TEST(PageTable, CycleEndsAndIsNamed) {
    Pages p = chain();
    p.entry(2, 9, Pages::page(2) | kTable); // a PD that is its own PT
    const PageTable t = decode(p);
    EXPECT_EQ(t.defects.count(DefectKind::table_cycle), 1U);
    EXPECT_TRUE(t.complete);
    EXPECT_EQ(t.intervals.size(), 2U); // as hardware sees it: the PD's entries are pages
}

TEST(PageTable, MostTangledTableEnds) {
    Pages p(4);
    for (unsigned table = 0; table < 4; ++table) {
        for (unsigned i = 0; i < 512; ++i) {
            p.entry(table, i, Pages::page((table + i) % 4) | kTable | kD);
        }
    }
    const double start = cpu_seconds();
    const PageTable t = decode(p);
    EXPECT_LT(cpu_seconds() - start, 30); // ten without sanitizers
    EXPECT_FALSE(t.complete);
    EXPECT_TRUE(t.defects.has(DefectKind::too_much));
}

TEST(PageTable, TableOutsideTheBundleMakesItIncomplete) {
    Pages p = chain();
    p.entry(2, 1, 0x1000 | kTable);
    const PageTable t = decode(p);
    EXPECT_FALSE(t.complete);
    ASSERT_EQ(t.defects.count(DefectKind::unreadable), 1U);
    EXPECT_EQ(t.defects.kept().at(0).address, Pages::page(2) + 8);
    EXPECT_EQ(t.defects.kept().at(0).found, 0x1000U);
}

TEST(PageTable, TableOutsideTheSealedTablesIsRead) {
    Pages p = chain();
    p.entry(3, 0, 0x9000 | kLeaf);
    HostMemory memory = p.memory();
    memory.sealed_size = 3 * kPageSize;
    const PageTable t = decode_page_table(memory, Pages::page(0), {}, "npt");
    EXPECT_EQ(t.defects.count(DefectKind::outside_tables), 1U);
    EXPECT_EQ(t.intervals.size(), 1U);
    EXPECT_TRUE(t.complete);
}

// Partitions may share their tables, so a few megabytes of scattered pages would be counted once for each.
TEST(PageTable, MoreIntervalsThanAnApplianceHasAreTooMany) {
    constexpr unsigned kTables = kMostIntervals / 512 + 1;
    Pages p = chain(3 + kTables);
    for (unsigned t = 0; t < kTables; ++t) {
        p.entry(2, t, Pages::page(3 + t) | kTable);
        for (unsigned i = 0; i < 512; ++i) {
            p.entry(3 + t, i, (2ULL * (512 * t + i) + 1) * 0x1000 | kLeaf);
        }
    }
    PageTable t = decode(p);
    EXPECT_EQ(t.intervals.size(), kMostIntervals);
    EXPECT_FALSE(t.complete);
    EXPECT_TRUE(t.defects.has(DefectKind::too_much));
    PageTableRules rules;
    rules.most_intervals = 0;
    t = decode(p, rules);
    EXPECT_TRUE(t.intervals.empty());
    EXPECT_FALSE(t.complete);
}

TEST(PageTable, UnalignedRoot) {
    Pages p = chain();
    p.entry(3, 0, 0x9000 | kLeaf);
    const PageTable t = decode_page_table(p.memory(), Pages::page(0) + 8, {}, "npt");
    EXPECT_EQ(t.defects.count(DefectKind::unaligned), 1U);
    EXPECT_EQ(t.intervals.size(), 1U);
    EXPECT_FALSE(decode_page_table(p.memory(), ~0ULL, {}, "npt").complete);
}

TEST(PageTable, ByHostKeepsNestedIntervals) {
    // One gpa range lies, on the host side, inside another: sorting must not lose it.
    const auto sorted = by_host({{0x0, 0x10000, 0x8000, kRwx, kPage4K, CacheType::write_back, true},
                                 {0x20000, 0x12000, 0x1000, kRwx, kPage4K, CacheType::write_back, true},
                                 {0x30000, 0x1000, 0x1000, kRwx, kPage4K, CacheType::write_back, true}});
    ASSERT_EQ(sorted.size(), 3U);
    EXPECT_EQ(sorted[0].hpa, 0x1000U);
    EXPECT_EQ(sorted[1].hpa, 0x10000U);
    EXPECT_EQ(sorted[2].hpa, 0x12000U);
}

TEST(PageWalk, GivesEveryStep) {
    Pages p = chain();
    p.entry(3, 5, 0x9000 | (kLeaf & ~kRw) | kNx);
    p.entry(2, 2, 0x4000'0000 | kLeaf | kPs);
    PageWalk walk = walk_page_table(p.memory(), Pages::page(0), 0x5123, {});
    ASSERT_EQ(walk.steps.size(), 4U);
    EXPECT_EQ(walk.steps[3].table, Pages::page(3));
    EXPECT_EQ(walk.steps[3].index, 5U);
    EXPECT_EQ(walk.steps[3].entry, 0x9000 | (kLeaf & ~kRw) | kNx);
    EXPECT_TRUE(walk.mapped);
    EXPECT_EQ(walk.hpa, 0x9123U);
    EXPECT_EQ(walk.access, kAccessRead);
    walk = walk_page_table(p.memory(), Pages::page(0), 0x40'1234, {});
    EXPECT_EQ(walk.steps.size(), 3U);
    EXPECT_EQ(walk.page_size, 0x20'0000U);
    EXPECT_EQ(walk.hpa, 0x4000'1234U);
    walk = walk_page_table(p.memory(), Pages::page(0), 0x6000, {});
    EXPECT_FALSE(walk.mapped);
    EXPECT_EQ(walk.steps.size(), 4U);
    walk = walk_page_table(p.memory(), 0x1000, 0x6000, {});
    EXPECT_FALSE(walk.steps.at(0).readable);
}

TEST(PageTable, SixteenGibibytesInSmallPages) {
    constexpr std::uint64_t kPts = 8192;
    Pages p(kPts + 18);
    for (std::uint64_t pd = 0; pd < 16; ++pd) {
        p.entry(1, pd, Pages::page(2 + pd) | kTable);
        for (std::uint64_t i = 0; i < 512; ++i) {
            p.entry(2 + pd, i, Pages::page(18 + pd * 512 + i) | kTable);
        }
    }
    p.entry(0, 0, Pages::page(1) | kTable);
    auto* entries = reinterpret_cast<std::uint64_t*>(p.bytes.data() + 18 * kPageSize);
    for (std::uint64_t i = 0; i < kPts * 512; ++i) {
        // A break every 8192 pages, so that there are 512 intervals.
        entries[i] = (0x1'0000'0000 + i * kPageSize + (i / 8192) * kPageSize) | kLeaf;
    }
    const double start = cpu_seconds();
    const PageTable t = decode(p);
    const double seconds = cpu_seconds() - start;
    EXPECT_EQ(t.leaves, kPts * 512);
    EXPECT_EQ(t.intervals.size(), 512U);
    EXPECT_EQ(t.tables.size(), kPts + 18);
    EXPECT_TRUE(t.defects.empty());
    RecordProperty("milliseconds", std::to_string(seconds * 1000));
    std::printf("%zu leaves decoded in %.1f ms\n", static_cast<std::size_t>(t.leaves), seconds * 1000);
    EXPECT_LT(seconds, 10); // also under sanitizers; `./dev bench` has the figure
}

} // namespace
} // namespace septum::verifier::decode
