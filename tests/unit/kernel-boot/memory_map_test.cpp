// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/memory_map.hpp"

#include "tests/unit/kernel-boot/said.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace septum::kernel::boot {
namespace {

using Entries = std::vector<MemoryMap::Entry>;

Refusal check(const Entries& entries, u64 base, u64 size) {
    const MemoryMap map{{reinterpret_cast<const u8*>(entries.data()), entries.size() * sizeof(MemoryMap::Entry)},
                        sizeof(MemoryMap::Entry)};
    return check_usable(map, {Hpa{base}, size});
}

TEST(MemoryMap, InsideOneEntry) {
    EXPECT_FALSE(check({{0x100000, 0x100000, 1, 0}}, 0x100000, 0x100000));
    EXPECT_FALSE(check({{0x100000, 0x100000, 1, 0}}, 0x180000, 0x1000));
}

TEST(MemoryMap, NeighboursCountAsOne) { // UEFI maps are cut up, and need not be sorted
    const Entries cut{{0x300000, 0x100000, 1, 0}, {0x100000, 0x100000, 1, 0}, {0x200000, 0x100000, 1, 0}};
    EXPECT_FALSE(check(cut, 0x180000, 0x200000));
    EXPECT_FALSE(check(cut, 0x100000, 0x300000));
}

TEST(MemoryMap, BeyondTheEnd) {
    EXPECT_EQ(
        said(check({{0x100000, 0x100000, 1, 0}}, 0x180000, 0x100000)),
        "septum: refused: ram 0x180000..0x280000: expected usable, found no memory in 0x200000..0x280000 (code 0x30)");
    EXPECT_TRUE(check({{0x100000, 0x100000, 1, 0}}, 0xFF000, 0x2000));
    EXPECT_TRUE(check({}, 0x1000, 0x1000));
}

TEST(MemoryMap, AHoleBetween) {
    EXPECT_TRUE(check({{0x100000, 0x100000, 1, 0}, {0x201000, 0x100000, 1, 0}}, 0x180000, 0x100000));
}

TEST(MemoryMap, ReservedInsideUsable) { // firmware that contradicts itself
    EXPECT_EQ(
        said(check({{0x100000, 0x400000, 1, 0}, {0x200000, 0x1000, 2, 0}}, 0x180000, 0x100000)),
        "septum: refused: ram 0x180000..0x280000: expected usable, found reserved 0x200000..0x201000 (code 0x30)");
    EXPECT_FALSE(check({{0x100000, 0x400000, 1, 0}, {0x280000, 0x1000, 2, 0}}, 0x180000, 0x100000));
}

TEST(MemoryMap, EntriesThatWrap) {
    EXPECT_FALSE(check({{0x100000, ~u64{0}, 1, 0}}, 0x100000, 0x1000));
    EXPECT_TRUE(check({{0x100000, 0x1000, 1, 0}, {0x100000, ~u64{0}, 2, 0}}, 0x100000, 0x1000));
}

TEST(MemoryMap, EmptyEntriesDoNotLoop) {
    EXPECT_TRUE(check({{0x100000, 0, 1, 0}, {0x100000, 0, 1, 0}}, 0x100000, 0x1000));
}

} // namespace
} // namespace septum::kernel::boot
