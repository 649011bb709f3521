// SPDX-License-Identifier: Apache-2.0
// Heartbeats, and what a partition's state says of its end.
#include "fixture.hpp"

#include <septum/guest/hypercall.hpp>

namespace septum::kernel::core {
namespace {

struct Heartbeats : Machine {
    u64 beat(u8 privilege = 0) {
        cpu.registers[kRax] = static_cast<u32>(guest::Hypercall::heartbeat);
        step({.kind = ExitKind::hypercall, .privilege = privilege});
        return rax();
    }
};

TEST_F(Heartbeats, AreCounted) {
    manifest.has_heartbeat = true;
    EXPECT_EQ(beat(), 0U);
    EXPECT_EQ(effects.set, kAdvance);
    EXPECT_EQ(beat(), 0U);
    EXPECT_EQ(partition.heartbeats, 2U);
}

TEST_F(Heartbeats, CountOnlyWhereTheyWerePromised) {
    EXPECT_EQ(beat(), guest::kDenied);
    EXPECT_EQ(partition.heartbeats, 0U);
}

TEST_F(Heartbeats, ComeFromTheGuestsKernel) {
    manifest.has_heartbeat = true;
    beat(3);
    expect_exception(kVectorInvalidOpcode);
    EXPECT_EQ(partition.heartbeats, 0U);
}

TEST(Closing, OneWordSaysThatAndWhy) {
    for (u32 i = 0; i < manifest::kCauses; ++i) {
        const u32 word = closing_word(static_cast<manifest::Cause>(i));
        EXPECT_EQ(static_cast<u32>(closing_cause(word)), i);
        EXPECT_EQ(word & 0xFF, kClosing);
        for (const u32 other : {kLoading, kRunning, kStopped}) {
            EXPECT_NE(word, other);
        }
    }
}

TEST(Backoff, DoublesUpTo64Times) {
    EXPECT_EQ(backoff_ms(100, 1), 100U);
    EXPECT_EQ(backoff_ms(100, 2), 200U);
    EXPECT_EQ(backoff_ms(100, 7), 6400U);
    EXPECT_EQ(backoff_ms(100, 8), 6400U);
    EXPECT_EQ(backoff_ms(100, 1000), 6400U);
    EXPECT_EQ(backoff_ms(0, 5), 0U);
    EXPECT_EQ(backoff_ms(60'000, 1000), 3'840'000U);
}

} // namespace
} // namespace septum::kernel::core
