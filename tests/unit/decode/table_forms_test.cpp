// SPDX-License-Identifier: Apache-2.0
// The second reading of page tables: entries as the manual draws them (APM 2 §5.3), read by level.
#include "verifier/decode/table_forms.hpp"

#include "memory.hpp"

namespace septum::verifier::decode {
namespace {

using test::Pages;

constexpr std::uint64_t kTable = 0x27; // A, U/S, R/W, P
constexpr std::uint64_t kLeaf = 0x67;  // and D
constexpr std::uint64_t kLarge = 0x80; // PS

// Pages 0..3: PML4, PDPT, PD, PT, linked by their first entries; the PD maps a large page as well.
Pages chain() {
    Pages p(6);
    p.entry(0, 0, Pages::page(1) | kTable);
    p.entry(1, 0, Pages::page(2) | kTable);
    p.entry(2, 0, Pages::page(3) | kTable);
    p.entry(2, 1, 0x20'0000 | kLeaf | kLarge);
    p.entry(3, 0, 0x7000 | kLeaf);
    p.entry(3, 511, 0x8000 | kLeaf | 1ULL << 63);
    p.entry(3, 7, 0x1234'5678'0000'0000); // not present: it says nothing
    return p;
}

TableForms forms(const Pages& p) {
    return read_table_forms(p.memory(), Pages::page(0));
}

const TableForm& of(const TableForms& all, unsigned level, bool leaf) {
    for (const TableForm& form : all.forms) {
        if (form.level == level && form.leaf == leaf) {
            return form;
        }
    }
    throw std::out_of_range("no such form");
}

TEST(TableForms, SayWhatALevelsEntriesHaveInCommon) {
    const TableForms read = forms(chain());
    EXPECT_EQ(of(read, 4, false).count, 1U);
    EXPECT_EQ(of(read, 4, true).count, 0U);
    EXPECT_EQ(of(read, 2, false).all, Pages::page(3) | kTable);
    EXPECT_EQ(of(read, 2, true).any, 0x20'0000 | kLeaf | kLarge);
    EXPECT_EQ(of(read, 1, true).count, 2U);
    EXPECT_EQ(of(read, 1, true).any, 0xF000 | kLeaf | 1ULL << 63);
    EXPECT_EQ(of(read, 1, true).all, kLeaf);
    EXPECT_EQ(of(read, 1, false).count, 0U);
    EXPECT_EQ(read.references, 4U);
    EXPECT_EQ(read.tables, 4U);
    EXPECT_EQ(read.lowest, Pages::page(0));
    EXPECT_EQ(read.highest, Pages::page(3));
}

TEST(TableForms, ATableThatTwoEntriesLeadToIsCountedOnce) {
    Pages p = chain();
    p.entry(2, 2, Pages::page(3) | kTable);
    EXPECT_EQ(forms(p).references, 5U);
    EXPECT_EQ(forms(p).tables, 4U);
    p = chain();
    p.entry(1, 1, Pages::page(3) | kTable); // a page table where a page directory is expected
    EXPECT_GT(forms(p).references, forms(p).tables);
    p = chain();
    p.entry(2, 2, Pages::page(0) | kTable); // back to the root
    EXPECT_GT(forms(p).references, forms(p).tables);
}

TEST(TableForms, ATableOutsideTheMemoryIsNamedAndNotRead) {
    Pages p = chain();
    p.entry(2, 2, 0x1000 | kTable);
    EXPECT_EQ(forms(p).lowest, 0x1000U);
    p.entry(2, 2, 0x000F'FFFF'FFFF'F000 | kTable);
    EXPECT_EQ(forms(p).highest, 0x000F'FFFF'FFFF'F000U);
    EXPECT_EQ(forms(p).tables, 5U);
    const TableForms nothing = read_table_forms(p.memory(), 0);
    EXPECT_EQ(nothing.tables, 1U);
    EXPECT_EQ(nothing.references, 1U);
    EXPECT_EQ(nothing.highest, 0U);
}

TEST(TableForms, PageSizeInThePml4IsNoPage) {
    Pages p = chain();
    p.entry(0, 1, Pages::page(4) | kTable | kLarge);
    const TableForms read = forms(p);
    EXPECT_EQ(of(read, 4, false).count, 2U);
    EXPECT_EQ(of(read, 4, false).any & kLarge, kLarge);
    EXPECT_EQ(read.tables, 5U);
}

} // namespace
} // namespace septum::verifier::decode
