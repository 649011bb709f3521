// SPDX-License-Identifier: Apache-2.0
// AMD-Vi's formats against examples worked out by hand from the specification's figures.
#include "kernel/boot/amd_vi_format.hpp"

#include <gtest/gtest.h>

namespace septum::kernel::iommu::amd_vi {
namespace {

TEST(AmdViFormat, Commands) {
    EXPECT_EQ(forget_device(0x0301).low, 0x2000'0000'0000'0301ULL);
    EXPECT_EQ(forget_domain(0x1234).low, 0x3000'1234'0000'0000ULL);
    EXPECT_EQ(forget_domain(0x1234).high, 0x7FFF'FFFF'FFFF'F003ULL);
    EXPECT_EQ(forget_interrupts(0x0301).low, 0x5000'0000'0000'0301ULL);
    EXPECT_EQ(kForgetAll.low, 0x8000'0000'0000'0000ULL);
    EXPECT_EQ(wait(Hpa{0x5000}).low, 0x1000'0000'0000'5001ULL);
    EXPECT_EQ(wait(Hpa{0x5000}).high, 1ULL);
}

TEST(AmdViFormat, InterruptEntries) {
    EXPECT_EQ(narrow_entry(0x31, 5), 0x0031'0501U);
    EXPECT_EQ(wide_entry(0x31, 5).low, 0x0000'0000'0000'0501ULL);
    EXPECT_EQ(wide_entry(0x31, 5).high, 0x31ULL);
    EXPECT_EQ(wide_entry(0xFF, 0x0102'0304).low, 0x0000'0000'0203'0401ULL);
    EXPECT_EQ(wide_entry(0xFF, 0x0102'0304).high, 0x0100'0000'0000'00FFULL);
}

TEST(AmdViFormat, TheBlockedEntryLetsNothingThrough) {
    EXPECT_EQ(kBlocked[0] & kValid, kValid);
    EXPECT_EQ(kBlocked[0] & kReadWrite, 0U);
    EXPECT_EQ(kBlocked[1], 0U);
    EXPECT_EQ(kBlocked[2] & kInterruptsValid, kInterruptsValid);
    EXPECT_EQ(kBlocked[2] & kInterruptControl, 0U);        // fixed and arbitrated: aborted
    EXPECT_EQ(kBlocked[2] & 0xC700'0000'0000'0000ULL, 0U); // INIT, ExtInt, NMI, LINT0 and LINT1 do not pass
    EXPECT_EQ(kBlocked[3], 0U);
}

TEST(AmdViFormat, Events) {
    // IO_PAGE_FAULT, a write (RW, bit 53) of 03:00.0.
    const Fault write = fault_of(2ULL << 60 | 1ULL << 53 | 0x0300, 0x1234'5678);
    EXPECT_EQ(write.kind, Fault::Kind::dma);
    EXPECT_TRUE(write.write);
    EXPECT_EQ(write.requester, 0x0300);
    EXPECT_EQ(write.address, 0x1234'5678U);
    EXPECT_EQ(write.reason, 2);
    EXPECT_FALSE(fault_of(2ULL << 60 | 0x0300, 0).write);
    EXPECT_EQ(fault_of(2ULL << 60 | 1ULL << 51 | 0x0300, 0).kind, Fault::Kind::interrupt);
    EXPECT_EQ(fault_of(8ULL << 60 | 0x0300, 0).kind, Fault::Kind::dma); // INVALID_DEVICE_REQUEST
    for (const u64 code : {3ULL, 4ULL, 5ULL, 6ULL, 7ULL, 9ULL}) {
        EXPECT_EQ(fault_of(code << 60, 0).kind, Fault::Kind::unit) << code;
    }
    EXPECT_EQ(event_code(0x0FFF'FFFF'FFFF'FFFFULL), 0U);
}

TEST(AmdViFormat, WhatTheManifestTurnsOn) {
    manifest::Header header{};
    header.apic = manifest::ApicMode::x2apic;
    header.iommu.capability = 0x84;
    header.iommu.capability_mask = 0x84;
    EXPECT_TRUE(wide_entries(header.iommu));
    EXPECT_TRUE(x2apic_destinations(header));
    header.apic = manifest::ApicMode::xapic;
    EXPECT_FALSE(x2apic_destinations(header));
    header.iommu.capability_mask = 0;
    EXPECT_FALSE(wide_entries(header.iommu));
}

TEST(AmdViFormat, Message) {
    EXPECT_EQ(message_address(3), 0xFEE0'3000U);
    EXPECT_EQ(kDataNmi, 0x400U);
}

} // namespace
} // namespace septum::kernel::iommu::amd_vi
