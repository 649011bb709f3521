// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

namespace septum::kernel::core {

struct Ports : Machine {};

TEST_F(Ports, AbsentReadsAllOnesInItsWidthOnly) {
    cpu.registers[kRax] = 0x1111'2222'3333'4444;
    in(0x80);
    EXPECT_EQ(effects.set, kAdvance);
    EXPECT_EQ(rax(), 0x1111'2222'3333'44FFu);
    in(0x80, 2);
    EXPECT_EQ(rax(), 0x1111'2222'3333'FFFFu);
    in(0x80, 4);
    EXPECT_EQ(rax(), 0xFFFF'FFFFu); // a 32-bit result clears the upper half
}

TEST_F(Ports, AbsentWritesAreDropped) {
    out(0xFFFF, 0xFFFF'FFFF, 4); // reaches over the end of the port space
    EXPECT_EQ(effects.set, kAdvance);
}

TEST_F(Ports, ConstantAnswersEveryWidth) {
    in(0x71);
    EXPECT_EQ(rax() & 0xFF, 0x5Au);
    in(0x70, 2);
    EXPECT_EQ(rax() & 0xFFFF, 0x5A5Au);
}

TEST_F(Ports, OneForbiddenByteIsEnough) {
    out(0xCF9, 6);
    expect_fault(Fault::port);
    in(0xCF8, 2); // straddles
    expect_fault(Fault::port);
    out(0xCF9, 0, 4);
    expect_fault(Fault::port);
    out(0xCF8, 0x8000'0000, 4); // CONFIG_ADDRESS: absent
    EXPECT_EQ(effects.set, kAdvance);
    in(0xCF8);
    EXPECT_EQ(effects.set, kAdvance);
    out(0xB1, 0, 2);
    expect_fault(Fault::port);
}

TEST_F(Ports, StringAccessIsForbidden) {
    step({.kind = ExitKind::port_string, .width = 1, .address = 0x3F8});
    expect_fault(Fault::string_io);
}

TEST_F(Ports, UartTakesCharactersAndIsAlwaysReady) {
    out(0x3F8, 'a');
    EXPECT_EQ(effects.set, kAdvance | kConsole | kDrain);
    EXPECT_EQ(effects.character, 'a');
    in(0x3FD);
    EXPECT_EQ(rax() & 0x60, 0x60u);
    in(0x3F8);
    EXPECT_EQ(rax() & 0xFF, 0u);
}

TEST_F(Ports, UartIsSixteenBytesOfA16550ForLinux) {
    out(0x3FC, 0x1A); // loop, OUT2, RTS
    in(0x3FE);
    EXPECT_EQ(rax() & 0xF0, 0x90u);
    out(0x3F8, 'x'); // looped back, not sent
    EXPECT_EQ(effects.set & kConsole, 0u);
    out(0x3FC, 0);
    out(0x3FA, 1);
    in(0x3FA);
    EXPECT_EQ(rax() & 0xFF, 0xC1u);
    out(0x3F9, 0x0F);
    in(0x3FA);
    EXPECT_EQ(rax() & 0xFF, 0xC2u); // transmitter empty
    out(0x3FF, 0xA5);
    in(0x3FF);
    EXPECT_EQ(rax() & 0xFF, 0xA5u);
}

TEST_F(Ports, UartDivisorIsBehindItsLatch) {
    out(0x3FB, 0x80);
    out(0x3F8, 0x0C);
    EXPECT_EQ(effects.set & kConsole, 0u);
    in(0x3F8);
    EXPECT_EQ(rax() & 0xFF, 0x0Cu);
    out(0x3FB, 3);
    out(0x3F8, 'b');
    EXPECT_NE(effects.set & kConsole, 0u);
}

TEST_F(Ports, WideAccessToTheUartIsAbsent) {
    in(0x3F8, 2);
    EXPECT_EQ(rax() & 0xFFFF, 0xFFFFu);
    out(0x3F8, 'a', 4);
    EXPECT_EQ(effects.set, kAdvance);
}

TEST_F(Ports, SleepAndResetEndThePartition) {
    out(0x5E00, 0x20);
    EXPECT_EQ(effects.set, kAdvance);
    out(0x5E00, 0x34);
    EXPECT_EQ(effects.set, kAdvance | kStop);
    out(0x5E02, 0);
    EXPECT_EQ(effects.set, kAdvance | kRestart);
}

TEST_F(Ports, DoorbellRingsOnlyOwnBells) {
    out(0x5E04, 0);
    EXPECT_EQ(effects.set, kAdvance | kBell);
    EXPECT_EQ(effects.channel, 0);
    for (const u32 foreign : {1u, 2u, 3u, 255u}) { // not the writer, no bell, no such channel
        out(0x5E04, foreign);
        EXPECT_EQ(effects.set, kAdvance) << foreign;
    }
}

TEST_F(Ports, DoorbellReportsEachRingOnce) {
    partition.rung[0] = 1ULL << 1 | 1ULL << 63;
    partition.rung[3] = 1ULL << 62; // channel 254, the last there can be
    for (const u32 expected : {1u, 63u, 254u, 255u}) {
        in(0x5E04);
        EXPECT_EQ(rax() & 0xFF, expected);
    }
}

} // namespace septum::kernel::core
