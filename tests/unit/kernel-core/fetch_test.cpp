// SPDX-License-Identifier: Apache-2.0
// Instruction bytes out of a guest's memory, which here is the test's own: host-physical is where the pages lie.
#include "kernel/x86_64/paging/fetch.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>

namespace septum::kernel::paging {
namespace {

struct alignas(kPageSize) Page {
    std::array<u8, kPageSize> bytes{};
};

struct Fetch : testing::Test {
    // Guest-physical 0x0000 to 0x4000 is RAM, 0x4000 a channel, 0x8000 RAM again.
    std::unique_ptr<std::array<Page, 6>> pages = std::make_unique<std::array<Page, 6>>();
    std::array<manifest::Region, 3> regions{};
    Trail trail;
    core::Instruction instruction;

    Fetch() {
        const auto region = [this](u32 first, u64 gpa, u64 size, manifest::RegionKind kind) {
            manifest::Region made{};
            made.gpa = Gpa{gpa};
            made.hpa = Hpa{reinterpret_cast<u64>(&(*pages)[first])};
            made.size = size;
            made.kind = kind;
            return made;
        };
        regions = {region(0, 0x0000, 0x4000, manifest::RegionKind::ram),
                   region(4, 0x4000, 0x1000, manifest::RegionKind::channel_send),
                   region(5, 0x8000, 0x1000, manifest::RegionKind::ram)};
        for (u32 i = 0; i < 6; i++) {
            for (u32 at = 0; at < kPageSize; at++) {
                (*pages)[i].bytes[at] = static_cast<u8>(at + 16 * i);
            }
        }
    }
    u32 from(u64 linear, const Mode& mode = {}) {
        fetch({regions.data(), 3}, mode, linear, trail, instruction);
        return instruction.count;
    }
    u64 entry(u64 gpa) {
        u64 found = 0;
        std::memcpy(&found, &(*pages)[gpa / kPageSize].bytes[gpa % kPageSize], 8);
        return found;
    }
    void set_entry(u64 gpa, u64 entry) { std::memcpy(&(*pages)[gpa / kPageSize].bytes[gpa % kPageSize], &entry, 8); }
};

TEST_F(Fetch, FifteenBytesOfOnePage) {
    EXPECT_EQ(from(0x1100), 15u);
    for (u32 i = 0; i < 15; i++) {
        EXPECT_EQ(instruction.bytes[i], static_cast<u8>(0x10 + i));
    }
    EXPECT_EQ(from(0x1FF1), 15u); // up to its last byte
    EXPECT_EQ(instruction.bytes[14], 0x0F);
}

TEST_F(Fetch, GoesOnInTheNextPage) {
    EXPECT_EQ(from(0x1FFC), 15u);
    EXPECT_EQ(instruction.bytes[3], 0x0F);
    EXPECT_EQ(instruction.bytes[4], 0x20); // the third page begins
    EXPECT_EQ(instruction.bytes[14], 0x2A);
}

TEST_F(Fetch, EndsWhereRamEnds) {
    EXPECT_EQ(from(0x3FF8), 8u); // a channel comes behind it
    EXPECT_EQ(from(0x4000), 0u);
    EXPECT_EQ(from(0x8FFF), 1u); // nothing comes behind it
    EXPECT_EQ(from(0x9000), 0u);
    EXPECT_EQ(from(0x7FFF), 0u);
    EXPECT_EQ(from(0xFFFF'FFFF), 0u);
}

TEST_F(Fetch, FollowsTheGuestsTables) {
    // Linear 0x7000 and 0x8000 are guest-physical 0x8000 and 0x2000: an instruction that lies apart.
    const Mode mode{kCr0Paging, 0x0000, kCr4Pae, kEferLongModeActive};
    set_entry(0x0000, 0x1001);
    set_entry(0x1000, 0x2001);
    set_entry(0x2000, 0x3001);
    set_entry(0x3000 + 8 * 7, 0x8001);
    set_entry(0x3000 + 8 * 8, 0x2001);
    EXPECT_EQ(from(0x7FFE, mode), 15u);
    EXPECT_EQ(instruction.bytes[0], 0x4E);
    EXPECT_EQ(instruction.bytes[1], 0x4F);
    EXPECT_EQ(instruction.bytes[2], 0x01); // the entry that was put there
    EXPECT_EQ(instruction.bytes[3], 0x30);
    set_entry(0x3000 + 8 * 8, 0x4001); // into the channel
    EXPECT_EQ(from(0x7FFE, mode), 2u);
    set_entry(0x3000 + 8 * 8, 0); // not present
    EXPECT_EQ(from(0x7FFE, mode), 2u);
    set_entry(0x1000, 0x4001); // a table in the channel
    EXPECT_EQ(from(0x7FFE, mode), 0u);
}

// A machine in long mode: linear 0x7000 is guest-physical 0x8000.
struct FetchAgain : Fetch {
    Mode mode{kCr0Paging, 0x0000, kCr4Pae, kEferLongModeActive};

    FetchAgain() {
        set_entry(0x0000, 0x1001);
        set_entry(0x1000, 0x2001);
        set_entry(0x2000, 0x3001);
        set_entry(0x3000 + 8 * 7, 0x8001);
        EXPECT_EQ(from(0x7100, mode), 15u);
        EXPECT_EQ(instruction.bytes[0], 0x50);
        EXPECT_EQ(trail.count, 4u);
    }
    // What is found from here on is what a walk without a memory finds.
    void expect_as_fresh(u64 linear) {
        from(linear, mode);
        Trail none;
        core::Instruction fresh;
        fetch({regions.data(), 3}, mode, linear, none, fresh);
        EXPECT_EQ(instruction.count, fresh.count);
        EXPECT_EQ(std::memcmp(instruction.bytes, fresh.bytes, fresh.count), 0);
    }
};

TEST_F(FetchAgain, SamePage) {
    expect_as_fresh(0x7100);
    expect_as_fresh(0x7FF1);
    EXPECT_EQ(from(0x7FF1, mode), 15u);
    EXPECT_EQ(trail.count, 4u);
}

TEST_F(FetchAgain, SeesEveryEntryThatChanges) {
    for (const u64 at : {0x3000ULL + 8 * 7, 0x2000ULL, 0x1000ULL, 0x0000ULL}) {
        const u64 before = entry(at);
        for (const u64 now :
             {u64{0}, before & ~u64{1}, before ^ 0x1000, u64{0x4001}, u64{0x2001}}) { // 0x4000: the channel
            set_entry(at, now);
            expect_as_fresh(0x7100);
            set_entry(at, before);
            expect_as_fresh(0x7100);
        }
    }
}

TEST_F(FetchAgain, SeesAnotherPage) {
    set_entry(0x3000 + 8 * 6, 0x2001);
    expect_as_fresh(0x6100);
    expect_as_fresh(0x7100);
    expect_as_fresh(0x7100 | 1ULL << 47); // the same but for a bit that chooses an entry of the first table
    expect_as_fresh(0x7100 | 1ULL << 60);
}

TEST_F(FetchAgain, SeesAnotherMode) {
    set_entry(0x1000 + 8 * 7, 0x2001);
    mode.cr3 = 0x1000; // the tables are one level lower
    expect_as_fresh(0x7100);
    mode.cr3 = 0x0000;
    expect_as_fresh(0x7100);
    mode.cr4 |= kCr4FiveLevels;
    expect_as_fresh(0x7100);
    mode = {};
    expect_as_fresh(0x7100);
    EXPECT_EQ(trail.count, 0u); // what is no long mode is not remembered
}

TEST_F(FetchAgain, LargePageAsAWhole) {
    set_entry(0x2000, 0x0081); // 2 MiB from 0 on
    expect_as_fresh(0x1100);
    EXPECT_EQ(trail.count, 3u);
    EXPECT_EQ(trail.inside, 0x1F'FFFFu);
    for (const u64 linear :
         {0x0000ULL, 0x3FF8ULL, 0x4000ULL, 0x8000ULL, 0x8FFFULL, 0x20'1100ULL}) { // RAM, its end, a channel, RAM
        expect_as_fresh(linear);
        expect_as_fresh(0x1100);
    }
}

} // namespace
} // namespace septum::kernel::paging
