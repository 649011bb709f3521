// SPDX-License-Identifier: Apache-2.0
// VT-d's formats against examples worked out by hand from the specification's figures.
#include "kernel/x86_64/iommu/vt_d_format.hpp"

#include <gtest/gtest.h>

namespace septum::kernel::iommu::vt_d {
namespace {

TEST(VtdFormat, InterruptEntry) {
    // Figure 9-41: present, vector in 23:16, destination in 63:32 (extended) or 47:40.
    EXPECT_EQ(interrupt_entry(0x31, 5, true), 0x0000'0005'0031'0001ULL);
    EXPECT_EQ(interrupt_entry(0x31, 5, false), 0x0000'0500'0031'0001ULL);
    EXPECT_EQ(interrupt_entry(0xFF, 0x1'0203, true), 0x0001'0203'00FF'0001ULL);
}

TEST(VtdFormat, Descriptors) {
    EXPECT_EQ(one_context(0x1234, 0x0301).low, 0x0000'0301'1234'0031ULL);
    EXPECT_EQ(one_domain(0x1234).low, 0x1234'00E2ULL);
    EXPECT_EQ(one_interrupt_entry(0x102).low, 0x0000'0102'0000'0014ULL);
    EXPECT_EQ(wait(Hpa{0x5000}).low, 0x0000'0001'0000'0025ULL);
    EXPECT_EQ(wait(Hpa{0x5000}).high, 0x5000ULL);
    EXPECT_EQ(kAllContexts.low, 0x11ULL);
    EXPECT_EQ(kAllTranslations.low, 0xD2ULL);
    EXPECT_EQ(kAllInterruptEntries.low, 0x4ULL);
}

TEST(VtdFormat, FaultRecordsOfTheCapability) {
    // QEMU's: one record at 0x220 (FRO 0x22); and one with eight at 0x400.
    EXPECT_EQ(fault_records(0x22ULL << 24), 0x220U);
    EXPECT_EQ(fault_record_count(0x22ULL << 24), 1U);
    EXPECT_EQ(fault_records(7ULL << 40 | 0x40ULL << 24), 0x400U);
    EXPECT_EQ(fault_record_count(7ULL << 40 | 0x40ULL << 24), 8U);
}

TEST(VtdFormat, FaultOfAWrite) {
    const Fault fault = fault_of(0x1234'5000, 1ULL << 63 | 5ULL << 32 | 0x0300);
    EXPECT_EQ(fault.kind, Fault::Kind::dma);
    EXPECT_TRUE(fault.write);
    EXPECT_EQ(fault.requester, 0x0300);
    EXPECT_EQ(fault.reason, 5);
    EXPECT_EQ(fault.address, 0x1234'5000U);
}

TEST(VtdFormat, FaultOfARead) {
    EXPECT_FALSE(fault_of(0, 1ULL << 63 | 1ULL << 62 | 6ULL << 32 | 0x0300).write);
    EXPECT_FALSE(fault_of(0, 1ULL << 63 | 1ULL << 28 | 6ULL << 32 | 0x0300).write); // a page request
}

TEST(VtdFormat, FaultOfAnInterrupt) {
    const Fault fault = fault_of(0x0102'0000'0000'0000ULL, 1ULL << 63 | 0x22ULL << 32 | 0x0018);
    EXPECT_EQ(fault.kind, Fault::Kind::interrupt);
    EXPECT_EQ(fault.requester, 0x18);
    EXPECT_EQ(fault.address, 0x102U);
}

TEST(VtdFormat, MessageOfADevice) {
    // §5.1.2.2: 0xFEE in 31:20, handle[14:0] in 19:5, format 4, SHV 3, handle[15] in 2.
    EXPECT_EQ(remappable_address(0), 0xFEE0'0018U);
    EXPECT_EQ(remappable_address(1), 0xFEE0'0038U);
    EXPECT_EQ(remappable_address(0x8001), 0xFEE0'003CU);
}

TEST(VtdFormat, FaultEventMessage) {
    EXPECT_EQ(message_address(3), 0xFEE0'3000U);
    EXPECT_EQ(message_address(0x1'0203), 0xFEE0'3000U); // bits 31:8 go into FEUADDR
    EXPECT_EQ(kDataNmi, 0x400U);
}

TEST(VtdFormat, ExtendedInterruptsAsTheManifestSays) {
    manifest::Header header{};
    header.apic = manifest::ApicMode::x2apic;
    header.iommu.extended = 0x1A;
    header.iommu.extended_mask = 0x1A;
    EXPECT_TRUE(extended_interrupts(header));
    header.apic = manifest::ApicMode::xapic;
    EXPECT_FALSE(extended_interrupts(header));
    header.apic = manifest::ApicMode::x2apic;
    header.iommu.extended_mask = 0x0A; // the unit may have it, but nothing rests on it
    EXPECT_FALSE(extended_interrupts(header));
}

} // namespace
} // namespace septum::kernel::iommu::vt_d
