// SPDX-License-Identifier: Apache-2.0
// The virtual 8254 against its data sheet. One TSC tick is one timer tick here, unless said otherwise.
#include "fixture.hpp"

#include <gtest/gtest.h>

namespace septum::kernel::core {
namespace {

struct Timer : testing::Test {
    Pit pit;
    u64 now = 1000;
    u64 hz = kPitHz;

    u8 in(u16 port) { return read_pit(pit, port, now, hz); }
    void out(u16 port, u8 value) { write_pit(pit, port, value, now, hz); }
    // Low byte, then high byte.
    void program(u8 channel, u8 mode, u16 count) {
        out(0x43, static_cast<u8>(channel << 6 | 0x30 | mode << 1));
        out(static_cast<u16>(0x40 + channel), static_cast<u8>(count));
        out(static_cast<u16>(0x40 + channel), static_cast<u8>(count >> 8));
    }
    u16 count(u8 channel) {
        const u8 low = in(static_cast<u16>(0x40 + channel));
        return static_cast<u16>(in(static_cast<u16>(0x40 + channel)) << 8 | low);
    }
    u8 status(u8 channel) {
        out(0x43, static_cast<u8>(0xE0 | 2 << channel)); // read-back: status alone
        return in(static_cast<u16>(0x40 + channel));
    }
    bool output2() { return (in(0x61) & 0x20) != 0; }
};

TEST_F(Timer, ModeZeroRaisesItsOutputOnceAfterTheCount) {
    program(0, 0, 10);
    EXPECT_EQ(count(0), 10);
    now += 10;
    EXPECT_EQ(count(0), 0);
    EXPECT_EQ(status(0), 0x30);
    now += 1; // N + 1 ticks after it was written
    EXPECT_EQ(status(0), 0xB0);
    EXPECT_EQ(count(0), 0xFFFF); // goes on, around
    now += 1'000'000;
    EXPECT_EQ(status(0), 0xB0);
}

TEST_F(Timer, ModeTwoRepeatsWithOneLowTick) {
    program(2, 2, 5);
    out(0x61, 1);
    for (u32 round = 0; round < 3; ++round) {
        for (u16 left = 5; left > 0; --left) {
            EXPECT_EQ(count(2), left);
            EXPECT_EQ(output2(), left != 1) << left;
            now += 1;
        }
    }
}

TEST_F(Timer, ModeThreeIsASquareWave) {
    out(0x61, 1);
    for (const u16 period : {u16{8}, u16{9}}) {
        program(2, 3, period);
        for (u32 tick = 0; tick < 3U * period; ++tick) {
            EXPECT_EQ(output2(), tick % period < (period + 1U) / 2) << period << " " << tick;
            EXPECT_EQ(count(2) % 2, 0) << period << " " << tick;
            now += 1;
        }
    }
}

TEST_F(Timer, ModeFourStrobesOnce) {
    out(0x61, 1);
    program(2, 4, 3);
    for (u32 tick = 0; tick < 10; ++tick) {
        EXPECT_EQ(output2(), tick != 3) << tick;
        now += 1;
    }
}

TEST_F(Timer, ZeroIsTheLongestCount) {
    program(0, 2, 0);
    EXPECT_EQ(count(0), 0); // 65,536
    now += 1;
    EXPECT_EQ(count(0), 0xFFFF);
    now += 0xFFFF;
    EXPECT_EQ(count(0), 0);
}

TEST_F(Timer, ALatchedCountIsKeptUntilItIsRead) {
    program(0, 2, 1000);
    now += 100;
    out(0x43, 0x00); // latch channel 0
    now += 100;
    out(0x43, 0x00); // ignored
    EXPECT_EQ(count(0), 900);
    EXPECT_EQ(count(0), 800);
}

TEST_F(Timer, ReadBackLatchesCountAndStatusOfSeveral) {
    program(0, 2, 1000);
    program(1, 3, 2000);
    now += 10;
    out(0x43, 0xC6); // channels 0 and 1, both
    now += 500;
    EXPECT_EQ(in(0x40), 0xB4); // output high, both bytes, mode 2
    EXPECT_EQ(count(0), 990);
    EXPECT_EQ(in(0x41), 0xB6);
    EXPECT_EQ(count(1), 1980);
    EXPECT_EQ(count(0), 490);
}

TEST_F(Timer, StatusTellsThatNoCountWasWritten) {
    out(0x43, 0xB4);
    EXPECT_EQ(status(2), 0xF4);
    out(0x42, 1);
    EXPECT_EQ(status(2), 0xF4); // half of it
    out(0x42, 0);
    EXPECT_EQ(status(2) & 0x40, 0);
}

TEST_F(Timer, OneByteOfTheCountAlone) {
    out(0x43, 0x14); // low byte, mode 2
    out(0x40, 0x80);
    EXPECT_EQ(in(0x40), 0x80);
    out(0x43, 0x24); // high byte
    out(0x40, 0x02);
    EXPECT_EQ(in(0x40), 0x02);
    now += 0x100;
    EXPECT_EQ(in(0x40), 0x01);
}

TEST_F(Timer, TheGateHoldsChannelTwoAlone) {
    program(2, 0, 100);
    now += 500;
    EXPECT_EQ(count(2), 100); // low after a reset
    out(0x61, 1);
    now += 30;
    out(0x61, 0);
    EXPECT_EQ(in(0x61) & 3, 0);
    now += 1000;
    EXPECT_EQ(count(2), 70);
    out(0x61, 3);
    EXPECT_EQ(in(0x61) & 3, 3);
    now += 69;
    EXPECT_EQ(count(2), 1);
    EXPECT_FALSE(output2());
    now += 2;
    EXPECT_TRUE(output2());
    program(2, 2, 100); // a rising gate begins anew
    now += 30;
    out(0x61, 0);
    EXPECT_TRUE(output2());
    now += 5;
    out(0x61, 1);
    EXPECT_EQ(count(2), 100);
}

TEST_F(Timer, WhatAnEdgeWouldStartStands) {
    for (const u8 mode : {u8{1}, u8{5}}) {
        program(2, mode, 7);
        now += 100;
        EXPECT_EQ(count(2), 7);
        EXPECT_TRUE(output2());
    }
}

TEST_F(Timer, CountsAtItsOwnRateForYears) {
    hz = 3'000'000'000;
    program(0, 2, 0);
    now += hz * 100'000'000; // three years
    EXPECT_EQ(count(0), static_cast<u16>(0x1'0000 - kPitHz * 100'000'000 % 0x1'0000));
    EXPECT_EQ(in(0x43), 0xFF);
}

struct TimerPorts : Machine {
    TimerPorts() {
        ports.insert(ports.begin(), {{0x40, 0x43, manifest::PortAnswer::pit, 0, 0},
                                     {0x61, 0x61, manifest::PortAnswer::pit_gate, 0, 0}});
        manifest.ports = {ports.data(), static_cast<u32>(ports.size())};
    }
};

TEST_F(TimerPorts, AskForTheTime) {
    in(0x40);
    EXPECT_EQ(effects.set, kAdvance | kPit);
    out(0x61, 1);
    EXPECT_EQ(effects.set, kAdvance | kPit);
}

TEST_F(TimerPorts, AreOneByteWide) {
    cpu.registers[kRax] = 0;
    in(0x40, 2);
    EXPECT_EQ(effects.set, kAdvance);
    EXPECT_EQ(rax(), 0xFFFFU);
}

} // namespace
} // namespace septum::kernel::core
