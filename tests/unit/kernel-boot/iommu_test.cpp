// SPDX-License-Identifier: Apache-2.0
// The AMD-Vi unit that the board states, and where its first table is put.
#include "kernel/boot/amd_vi.hpp"
#include "kernel/boot/iommu.hpp"
#include "tests/unit/kernel-boot/said.hpp"

#include <gtest/gtest.h>

namespace septum::kernel::iommu {
namespace {

using boot::said;
using manifest::Region;
using manifest::RegionKind;

class AmdViIdentity : public ::testing::Test {
protected:
    AmdViIdentity() {
        board.registers = Hpa{0xFED8'0000};
        board.capability = 0x84;
        board.capability_mask = 0x84;
        board.fault_apic_id = 3;
    }
    manifest::Iommu board{};
    amd_vi::Identity found{0x1F03'000F, 0xFED8'0000, true, 0x29D7}; // as QEMU 10's with xtsup=on
};

TEST_F(AmdViIdentity, Holds) {
    EXPECT_FALSE(amd_vi::check_identity(board, found));
}

TEST_F(AmdViIdentity, AnotherFunction) {
    found.capability = 0;
    EXPECT_EQ(said(amd_vi::check_identity(board, found)),
              "septum: refused: iommu pci capability: expected 0x3000f, found 0x0 (code 0x60)");
    found.capability = 0x1F02'000F; // an interface of another type (§3.2.1)
    EXPECT_TRUE(amd_vi::check_identity(board, found));
}

TEST_F(AmdViIdentity, RegistersElsewhere) {
    found.base = 0xFEC8'0000;
    EXPECT_EQ(said(amd_vi::check_identity(board, found)),
              "septum: refused: iommu registers: expected 0xfed80000, found 0xfec80000 (code 0x60)");
}

TEST_F(AmdViIdentity, NoMsi) {
    found.has_msi = false;
    EXPECT_EQ(said(amd_vi::check_identity(board, found)),
              "septum: refused: iommu msi capability: expected one, for its events, found nothing (code 0x60)");
}

TEST_F(AmdViIdentity, EventsToACpuOutOfReach) {
    board.fault_apic_id = 0x100;
    EXPECT_EQ(said(amd_vi::check_identity(board, found)),
              "septum: refused: iommu event cpu: expected an APIC id in 0x0..0x100, found 0x100 (code 0x60)");
}

TEST_F(AmdViIdentity, FeaturesMissing) {
    found.features = 0x29D3; // xtsup=off
    EXPECT_EQ(said(amd_vi::check_identity(board, found)),
              "septum: refused: iommu extended features: expected 0x84, found 0x80 (code 0x60)");
    board.capability_mask = 0;
    EXPECT_FALSE(amd_vi::check_identity(board, found));
    found.features = 0x2997;
    EXPECT_EQ(said(amd_vi::check_identity(board, found)),
              "septum: refused: iommu invalidate-all command: expected 0x40, found 0x0 (code 0x60)");
}

Region ram(u64 base, u64 size, RegionKind kind = RegionKind::ram) {
    Region region{};
    region.hpa = Hpa{base};
    region.size = size;
    region.kind = kind;
    return region;
}

TEST(BorrowedMemory, IsAPartitionsAndClearOfTheBundle) {
    const Region regions[] = {ram(0x80'0000, 4 * kMiB, RegionKind::channel_send), ram(0x100'0000, 4 * kMiB)};
    EXPECT_EQ(borrow_memory(regions, 2, {Hpa{0x40'0000}, kMiB}, 2 * kMiB), Hpa{0x100'0000});
    EXPECT_EQ(borrow_memory(regions, 1, {Hpa{0x40'0000}, kMiB}, 2 * kMiB),
              Hpa{0}); // a channel is not scrubbed by a load
    // The loader's copy lies over the beginning: behind it, on a whole page.
    EXPECT_EQ(borrow_memory(regions, 2, {Hpa{0xFF'0000}, 0x1'0123}, 2 * kMiB), Hpa{0x100'1000});
    EXPECT_EQ(borrow_memory(regions, 2, {Hpa{0x100'0000}, 2 * kMiB}, 2 * kMiB), Hpa{0x120'0000});
    EXPECT_EQ(borrow_memory(regions, 2, {Hpa{0x100'0000}, 2 * kMiB + 1}, 2 * kMiB), Hpa{0});  // no room behind
    EXPECT_EQ(borrow_memory(regions, 2, {Hpa{0x120'0000}, kMiB}, 2 * kMiB), Hpa{0x100'0000}); // room in front
    EXPECT_EQ(borrow_memory(regions, 2, {Hpa{0x100'0000}, 8 * kMiB}, 2 * kMiB), Hpa{0});
    const Region small[] = {ram(0x100'0000, kMiB), ram(0x200'0000, 2 * kMiB)};
    EXPECT_EQ(borrow_memory(small, 2, {Hpa{0x40'0000}, kMiB}, 2 * kMiB), Hpa{0x200'0000});
    EXPECT_EQ(borrow_memory(small, 0, {Hpa{0x40'0000}, kMiB}, 2 * kMiB), Hpa{0});
}

} // namespace
} // namespace septum::kernel::iommu
