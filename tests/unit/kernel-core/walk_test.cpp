// SPDX-License-Identifier: Apache-2.0
// A guest's page tables in every mode, in a few pages of pretended guest memory.
#include "kernel/x86_64/paging/walk.hpp"

#include <gtest/gtest.h>

#include <map>

namespace septum::kernel::paging {
namespace {

struct Memory {
    std::map<u64, u64> entries; // by address
    u32 reads = 0;
    u64 resolve(const Mode& mode, u64 linear) {
        return walk(mode, linear, [this](u64 gpa, bool is_wide, u64& value) {
            reads++;
            EXPECT_EQ(gpa % (is_wide ? 8 : 4), 0u);
            const auto found = entries.find(gpa);
            if (found == entries.end()) {
                return false;
            }
            value = is_wide ? found->second : found->second & 0xFFFF'FFFF;
            return true;
        });
    }
};

constexpr u64 kNx = 1ULL << 63;
constexpr Mode kLong{kCr0Paging, 0x1000 | 0x18, kCr4Pae, kEferLongModeActive};

TEST(Walk, WithoutPagingLinearIsPhysical) {
    Memory memory;
    EXPECT_EQ(memory.resolve({}, 0xFFFF'0010), 0xFFFF'0010u);
    EXPECT_EQ(memory.resolve({}, 0x1'0000'0010), 0x10u); // 32 bits
    EXPECT_EQ(memory.reads, 0u);
}

TEST(Walk, FourLevels) {
    Memory memory;
    const u64 linear = 0xFFFF'8123'4567'89AB;
    memory.entries[0x1000 + 8 * (linear >> 39 & 511)] = 0x2000 | 0x67 | kNx;
    memory.entries[0x2000 + 8 * (linear >> 30 & 511)] = 0x3000 | 0x67;
    memory.entries[0x3000 + 8 * (linear >> 21 & 511)] = 0x4000 | 0x67;
    memory.entries[0x4000 + 8 * (linear >> 12 & 511)] = 0x5000 | 0x1E7 | kNx; // bit 7 is PAT here
    EXPECT_EQ(memory.resolve(kLong, linear), 0x59ABu);
    EXPECT_EQ(memory.reads, 4u);
    memory.entries[0x4000 + 8 * (linear >> 12 & 511)] &= ~1ULL;
    EXPECT_EQ(memory.resolve(kLong, linear), kNowhere);
}

TEST(Walk, LargePages) {
    Memory memory;
    const u64 linear = 0x0000'0000'4567'89AB;
    memory.entries[0x1000] = 0x2001;
    memory.entries[0x2000 + 8 * (linear >> 30 & 511)] = 0x1'8000'0000 | 0x1081; // bit 12 of a large page is PAT
    EXPECT_EQ(memory.resolve(kLong, linear), 0x1'8000'0000u + (linear & (kGiB - 1)));
    memory.entries[0x2000 + 8 * (linear >> 30 & 511)] = 0x3001;
    memory.entries[0x3000 + 8 * (linear >> 21 & 511)] = 0x20'0000 | 0x1081;
    EXPECT_EQ(memory.resolve(kLong, linear), 0x20'0000u + (linear & (2 * kMiB - 1)));
}

TEST(Walk, FiveLevels) {
    Memory memory;
    const u64 linear = 0x0123'4567'89AB'CDEF;
    Mode mode = kLong;
    mode.cr4 |= kCr4FiveLevels;
    u64 table = 0x1000;
    for (u32 shift = 48; shift >= 12; shift -= 9) {
        memory.entries[table + 8 * (linear >> shift & 511)] = (table + 0x1000) | 1;
        table += 0x1000;
    }
    EXPECT_EQ(memory.resolve(mode, linear), 0x6DEFu);
    EXPECT_EQ(memory.reads, 5u);
}

TEST(Walk, Pae) {
    Memory memory;
    const Mode mode{kCr0Paging, 0x1FE0, kCr4Pae, 0};
    const u64 linear = 0xC567'89AB;
    memory.entries[0x1FE0 + 8 * 3] = 0x2000 | 0x81; // bit 7 of a pointer means nothing
    memory.entries[0x2000 + 8 * (linear >> 21 & 511)] = 0x3001;
    memory.entries[0x3000 + 8 * (linear >> 12 & 511)] = 0x1'2345'6001;
    EXPECT_EQ(memory.resolve(mode, linear), 0x1'2345'69ABu);
    EXPECT_EQ(memory.resolve(mode, linear | 1ULL << 32), 0x1'2345'69ABu); // 32 bits
    memory.entries[0x2000 + 8 * (linear >> 21 & 511)] = 0x1'0020'0081;
    EXPECT_EQ(memory.resolve(mode, linear), 0x1'0020'0000u + (linear & (2 * kMiB - 1)));
}

TEST(Walk, ThirtyTwoBits) {
    Memory memory;
    Mode mode{kCr0Paging, 0x1018, 0, 0};
    const u64 linear = 0xC567'89AB;
    memory.entries[0x1000 + 4 * (linear >> 22)] = 0x2081; // large, but the guest has not turned that on
    memory.entries[0x2000 + 4 * (linear >> 12 & 1023)] = 0xABCD'E001;
    EXPECT_EQ(memory.resolve(mode, linear), 0xABCD'E9ABu);
    mode.cr4 = kCr4LargePages;
    memory.entries[0x1000 + 4 * (linear >> 22)] = 0x8040'2081; // bits 20:13 are address bits 39:32
    EXPECT_EQ(memory.resolve(mode, linear), 0x1'8040'0000u + (linear & (4 * kMiB - 1)));
}

TEST(Walk, EndsOutsideMemory) {
    Memory memory;
    EXPECT_EQ(memory.resolve(kLong, 0), kNowhere);
    memory.entries[0x1000] = 0x000F'FFFF'FFFF'F001;
    EXPECT_EQ(memory.resolve(kLong, 0), kNowhere);
    EXPECT_EQ(memory.reads, 3u);
}

} // namespace
} // namespace septum::kernel::paging
