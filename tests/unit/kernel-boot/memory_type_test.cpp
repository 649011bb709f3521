// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/memory_type.hpp"

#include "tests/unit/kernel-boot/said.hpp"

#include <gtest/gtest.h>

namespace septum::kernel::boot {
namespace {

constexpr u64 kOn = 0x800;
constexpr u64 kUncacheable = 0;
constexpr u64 kWriteThrough = 4;
constexpr u64 kWriteBack = 6;

struct Board : Mtrrs {
    explicit Board(u64 type) {
        physical_bits = 40;
        default_type = kOn | type;
    }
    Board& pair(u64 at, u64 size, u64 type) {
        base[count] = at | type;
        mask[count] = (((u64{1} << 40) - 1) & ~(size - 1)) | 0x800;
        count++;
        return *this;
    }
};

manifest::Range range(u64 base, u64 size) {
    return {Hpa{base}, size};
}

TEST(MemoryType, WriteBackByDefault) { // SeaBIOS and OVMF: a hole for devices
    const Board board = Board(kWriteBack).pair(0xC000'0000, 0x4000'0000, kUncacheable);
    EXPECT_FALSE(check_write_back(board, range(0x20'0000, 0xBFE0'0000)));
    EXPECT_FALSE(check_write_back(board, range(4 * kGiB, kGiB)));
    EXPECT_EQ(said(check_write_back(board, range(0xBFFF'F000, 0x2000))),
              "septum: refused: memory type 0xbffff000..0xc0001000: expected write-back, found 0x0 (code 0x31)");
}

TEST(MemoryType, UncacheableByDefault) { // most real boards
    const Board board = Board(kUncacheable).pair(0, 0x8000'0000, kWriteBack).pair(0x8000'0000, 0x4000'0000, kWriteBack);
    EXPECT_FALSE(check_write_back(board, range(0x7000'0000, 0x3000'0000)));
    EXPECT_TRUE(check_write_back(board, range(0xBFFF'F000, 0x2000)));
    EXPECT_TRUE(check_write_back(board, range(4 * kGiB, kGiB)));
}

TEST(MemoryType, CoveredOutOfOrder) {
    const Board board = Board(kUncacheable).pair(0x4000'0000, 0x4000'0000, kWriteBack).pair(0, 0x4000'0000, kWriteBack);
    EXPECT_FALSE(check_write_back(board, range(0x1000'0000, 0x6000'0000)));
}

TEST(MemoryType, OtherTypesWin) {
    const Board board = Board(kUncacheable).pair(0, 0x8000'0000, kWriteBack).pair(0x1000'0000, 0x1000, kWriteThrough);
    EXPECT_TRUE(check_write_back(board, range(0x1000'0000, 0x1000)));
    EXPECT_FALSE(check_write_back(board, range(0x1000'1000, 0x1000)));
}

TEST(MemoryType, PairsThatAreOffDoNotCount) {
    Board board = Board(kWriteBack).pair(0x1000'0000, 0x1000, kUncacheable);
    board.mask[0] &= ~u64{0x800};
    EXPECT_FALSE(check_write_back(board, range(0x1000'0000, 0x1000)));
}

TEST(MemoryType, AllOff) {
    Board board(kWriteBack);
    board.default_type = kWriteBack;
    EXPECT_EQ(said(check_write_back(board, range(0x20'0000, 0x1000))),
              "septum: refused: memory type 0x200000..0x201000: expected write-back, found uncacheable, MTRRs off "
              "(code 0x31)");
}

TEST(MemoryType, AmdForcesTheTop) {
    Board board = Board(kUncacheable).pair(0, 0x8000'0000, kWriteBack);
    board.forced_write_back_end = 8 * kGiB;
    EXPECT_FALSE(check_write_back(board, range(4 * kGiB, 4 * kGiB)));
    EXPECT_TRUE(check_write_back(board, range(7 * kGiB, 2 * kGiB)));
}

TEST(MemoryType, BelowOneMebibyteIsTheFixedOnes) {
    const Board board = Board(kUncacheable).pair(kMiB, kMiB, kWriteBack);
    EXPECT_FALSE(check_write_back(board, range(0x8000, 0x1000)));
    EXPECT_FALSE(check_write_back(board, range(0x8000, 2 * kMiB - 0x8000)));
}

TEST(MemoryType, MasksWithHolesAreNotUnderstood) {
    Board board = Board(kWriteBack).pair(0, 0x1000'0000, kWriteBack);
    board.mask[0] &= ~u64{0x20'0000'0000};
    EXPECT_EQ(said(check_write_back(board, range(0x20'0000, 0x1000))).substr(0, 49),
              "septum: refused: MTRR mask 0: expected contiguous");
}

} // namespace
} // namespace septum::kernel::boot
