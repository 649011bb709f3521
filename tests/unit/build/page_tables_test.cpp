// SPDX-License-Identifier: Apache-2.0
#include "build/tables/kernel_tables.hpp"
#include "build/tables/nested.hpp"
#include "build/tables/page_tables.hpp"
#include "tests/unit/build/models.hpp"

#include <map>

namespace septum::build {
namespace {

using namespace test;

constexpr std::uint64_t kBase = 0x4000'0000;
constexpr std::uint64_t kTableBits = 0x27;

struct Leaf {
    std::uint64_t entry = 0;
    int level = 0;
};

// Walks one address by hand: levels 4 to 1.
Leaf walk(ByteView tables, std::uint64_t address) {
    std::uint64_t table = kBase;
    for (int level = 4; level >= 1; --level) {
        const std::uint64_t index = address >> (12 + 9 * (level - 1)) & 511U;
        const auto entry = get<std::uint64_t>(tables, table - kBase + index * 8);
        if ((entry & 1U) == 0) {
            return {};
        }
        if (level == 1 || (entry & 0x80U) != 0) {
            return {entry, level};
        }
        EXPECT_EQ(entry & ~pte::kAddress, kTableBits);
        table = entry & pte::kAddress;
    }
    return {};
}

Bytes make(const std::vector<Mapping>& mappings, std::uint64_t largest) {
    const PageTableShape shape{largest, kTableBits};
    Bytes tables(count_tables(mappings, shape) * kPageSize, 0);
    write_tables(mappings, shape, Hpa{kBase}, tables);
    return tables;
}

TEST(PageTables, LargestPagesThatFit) {
    const std::vector<Mapping> mappings{{0, 0x8000'0000, 2 * kGiB + 2 * kMiB + kPageSize, 0x67}};
    const Bytes tables = make(mappings, kGiB);
    EXPECT_EQ(tables.size(), 4 * kPageSize); // root, PDPT, PD, PT
    EXPECT_EQ(walk(tables, 0).level, 3);
    EXPECT_EQ(walk(tables, kGiB).entry, 0x8000'0000 + kGiB + 0xE7U);
    EXPECT_EQ(walk(tables, 2 * kGiB).level, 2);
    EXPECT_EQ(walk(tables, 2 * kGiB + 2 * kMiB).level, 1);
    EXPECT_EQ(walk(tables, 2 * kGiB + 2 * kMiB).entry, 0x8000'0000 + 2 * kGiB + 2 * kMiB + 0x67U);
    EXPECT_EQ(walk(tables, 2 * kGiB + 2 * kMiB + kPageSize).level, 0);
    EXPECT_TRUE(uses_huge_pages(mappings, {kGiB, 0}));
    EXPECT_FALSE(uses_huge_pages(mappings, {2 * kMiB, 0}));
}

TEST(PageTables, SmallerPagesWhereTheTargetIsNotAligned) {
    const std::vector<Mapping> mappings{{0, 0x8020'1000, 4 * kMiB, 0x67}, {kGiB, 0x4020'0000, kGiB, 0x67}};
    const Bytes tables = make(mappings, kGiB);
    EXPECT_EQ(walk(tables, 2 * kMiB).level, 1);
    EXPECT_EQ(walk(tables, kGiB).level, 2);
    EXPECT_FALSE(uses_huge_pages(mappings, {kGiB, 0}));
    EXPECT_EQ(walk(make(mappings, kPageSize), kGiB).level, 1);
}

TEST(PageTables, NeighboursShareTables) {
    const std::vector<Mapping> mappings{
        {0x1000, 0x5000, 0x1000, 1}, {0x3000, 0x9000, 0x2000, 3}, {0x20'0000, 0x60'0000, 2 * kMiB, 5}};
    const Bytes tables = make(mappings, kGiB);
    EXPECT_EQ(tables.size(), 4 * kPageSize);
    EXPECT_EQ(walk(tables, 0).level, 0);
    EXPECT_EQ(walk(tables, 0x1000).entry, 0x5001U);
    EXPECT_EQ(walk(tables, 0x2000).level, 0);
    EXPECT_EQ(walk(tables, 0x4000).entry, 0xA003U);
    EXPECT_EQ(walk(tables, 0x20'0000).entry, 0x60'0085U);
}

// Every page of odd mappings, compared with a model that is a plain map.
TEST(PageTables, ExactAgainstAPlainMap) {
    std::vector<Mapping> mappings;
    std::map<std::uint64_t, std::uint64_t> expected;
    std::uint64_t from = 0;
    std::uint64_t seed = 12345;
    const auto random = [&seed] { return seed = seed * 6364136223846793005ULL + 1442695040888963407ULL, seed >> 33U; };
    for (int i = 0; i < 40; ++i) {
        from += (random() % 700) * kPageSize;
        const Mapping mapping{from, (random() % 100'000) * kPageSize, (1 + random() % 1500) * kPageSize, 0x65};
        for (std::uint64_t at = 0; at < mapping.size; at += kPageSize) {
            expected[mapping.from + at] = mapping.to + at;
        }
        mappings.push_back(mapping);
        from += mapping.size;
    }
    const Bytes tables = make(mappings, kGiB);
    for (std::uint64_t page = 0; page < from + kMiB; page += kPageSize) {
        const Leaf leaf = walk(tables, page);
        const auto want = expected.find(page);
        if (want == expected.end()) {
            ASSERT_EQ(leaf.level, 0) << page;
            continue;
        }
        const std::uint64_t size = leaf.level == 2 ? 2 * kMiB : kPageSize;
        ASSERT_NE(leaf.level, 0) << page;
        ASSERT_EQ((leaf.entry & pte::kAddress & ~(size - 1)) + (page & (size - 1)), want->second) << page;
    }
}

TEST(Nested, BitsSayWhatTheRegionsGrant) {
    const auto outcome = place(make_pair(), {Hpa{0x20'0000}, 0x1000});
    ASSERT_TRUE(outcome.ok());
    const auto mappings = nested_mappings(outcome.value->partitions[0]); // reads `answer`, writes `request`
    ASSERT_EQ(mappings.size(), 3U);
    EXPECT_EQ(mappings[0].leaf, 0x67U);                    // P, RW, US, A, D
    EXPECT_EQ(mappings[1].leaf, 0x8000'0000'0000'0065ULL); // NX, P, US, A, D
    EXPECT_EQ(mappings[2].leaf, 0x8000'0000'0000'0067ULL); // NX, P, RW, US, A, D
    auto declared = make_partition("x", 2 * kMiB);
    auto board = make_board();
    EXPECT_EQ(nested_shape(declared, board).largest_page, kGiB);
    board.huge_pages_1g = false;
    EXPECT_EQ(nested_shape(declared, board).largest_page, 2 * kMiB);
    declared.largest_page = kPageSize;
    EXPECT_EQ(nested_shape(declared, board).largest_page, kPageSize);
}

TEST(KernelTables, WriteXorExecuteAndGuards) {
    const auto kernel = read_kernel(make_kernel());
    ASSERT_TRUE(kernel.ok());
    auto model = make_pair();
    model.board.apic.value = config::Apic::xapic;
    auto outcome = place(model, kernel.value->range);
    ASSERT_TRUE(outcome.ok());
    Plan& plan = *outcome.value;
    plan.bundle = {Hpa{0x700'0000}, 0x9000};
    const auto mappings = kernel_mappings(plan, *kernel.value, model.board, {Hpa{0x700'2000}, 0x1000});
    const auto rights = [&](std::uint64_t address) -> std::uint64_t {
        for (const auto& mapping : mappings) {
            EXPECT_EQ(mapping.from, mapping.to);
            if (address >= mapping.from && address < mapping.from + mapping.size) {
                return mapping.leaf;
            }
        }
        return 0;
    };
    constexpr std::uint64_t kNx = 1ULL << 63;
    EXPECT_EQ(rights(0x20'0000), 0U); // boot only
    EXPECT_EQ(rights(0x20'1000), 0x61U);
    EXPECT_EQ(rights(0x20'3000), kNx | 0x61U);
    EXPECT_EQ(rights(0x20'4000), kNx | 0x63U);
    EXPECT_EQ(rights(0x20'6000), kNx | 0x63U); // zeros past the file's bytes
    EXPECT_EQ(rights(plan.bundle.base.value), kNx | 0x61U);
    EXPECT_EQ(rights(plan.bundle.base.value + 0x1000), kNx | 0x61U);
    EXPECT_EQ(rights(plan.bundle.base.value + 0x2000), kNx | 0x63U); // what the kernel writes of the IOMMU's tables
    EXPECT_EQ(rights(plan.bundle.base.value + 0x3000), kNx | 0x61U);
    EXPECT_EQ(rights(plan.bundle.base.value + 0x8000), kNx | 0x61U);
    EXPECT_EQ(rights(plan.iommu_block.value), kNx | 0x63U);
    EXPECT_EQ(rights(0xFED9'0000), kNx | 0x7BU);
    EXPECT_EQ(rights(0xFED9'1000), 0U);
    EXPECT_EQ(rights(0xFEE0'0000), kNx | 0x7BU);
    for (const auto& cpu : plan.cpus) {
        EXPECT_EQ(rights(cpu.block.value + layout::CpuBlock::kStackGuard), 0U);
        EXPECT_EQ(rights(cpu.block.value + layout::CpuBlock::kFaultGuard), 0U);
        EXPECT_EQ(rights(cpu.block.value + layout::CpuBlock::kStack), kNx | 0x63U);
        EXPECT_EQ(rights(cpu.block.value + layout::CpuBlock::kPerCpu), kNx | 0x63U);
    }
    for (std::size_t i = 1; i < mappings.size(); ++i) {
        EXPECT_LE(mappings[i - 1].from + mappings[i - 1].size, mappings[i].from);
    }
}

// Of the devices' BARs the kernel maps the pages with MSI-X tables, uncacheable, and nothing else.
TEST(KernelTables, MsixPagesOnly) {
    const auto kernel = read_kernel(make_kernel());
    ASSERT_TRUE(kernel.ok());
    const auto model = make_owners();
    auto outcome = place(model, kernel.value->range);
    ASSERT_TRUE(outcome.ok());
    outcome.value->bundle = {Hpa{0x700'0000}, 0x9000};
    std::uint64_t uncached = 0;
    for (const auto& mapping : kernel_mappings(*outcome.value, *kernel.value, model.board, {})) {
        if ((mapping.leaf & pte::kCacheDisable) != 0) {
            uncached += mapping.size;
            EXPECT_TRUE(mapping.from == 0xF000'2000 || mapping.from == 0xFED9'0000) << mapping.from;
        }
    }
    EXPECT_EQ(uncached, 0x2000U); // 65 entries are 1040 bytes: a page; and the unit's registers
}

} // namespace
} // namespace septum::build
