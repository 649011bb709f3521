// SPDX-License-Identifier: Apache-2.0
// Bit positions against the manuals, written out a second time.
#include "build/tables/guest_tables.hpp"
#include "build/tables/permission_maps.hpp"
#include "build/tables/vmcb.hpp"
#include "tests/unit/build/models.hpp"

#include <set>

namespace septum::build {
namespace {

using namespace test;

TEST(Iopm, DeniesAllButTheGrant) {
    auto partition = make_partition("x", 2 * kMiB);
    partition.ports_first = {{0x2F8, {}}, {0xFFFF, {}}};
    partition.ports_last = {{0x2FF, {}}, {0xFFFF, {}}};
    Bytes map(kIopmSize, 0);
    write_iopm(partition, map);
    for (unsigned port = 0; port < kIopmSize * 8; ++port) {
        const bool intercepted = (map[port / 8] >> (port % 8) & 1) != 0;
        EXPECT_EQ(intercepted, !((port >= 0x2F8 && port <= 0x2FF) || port == 0xFFFF)) << port;
    }
}

// Bits 2n (read) and 2n + 1 (write) of the vector an MSR belongs to (APM 2 §15.11).
bool msr_intercepted(const Bytes& map, std::uint32_t msr, bool write) {
    const std::size_t vector = msr >= 0xC001'0000 ? 0x1000 : msr >= 0xC000'0000 ? 0x800 : 0;
    const std::size_t bit = (msr & 0x1FFF) * 2 + (write ? 1 : 0);
    return (map[vector + bit / 8] >> (bit % 8) & 1) != 0;
}

void expect_msr_grants(config::Apic apic, const std::set<std::uint32_t>& reads, const std::set<std::uint32_t>& writes) {
    Bytes map(kMsrpmSize, 0);
    write_msrpm(apic, map);
    for (const std::uint32_t base : {0U, 0xC000'0000U, 0xC001'0000U}) {
        for (std::uint32_t msr = base; msr < base + 0x2000; ++msr) {
            EXPECT_EQ(msr_intercepted(map, msr, false), !reads.contains(msr)) << std::hex << msr;
            EXPECT_EQ(msr_intercepted(map, msr, true), !writes.contains(msr)) << std::hex << msr;
        }
    }
    for (std::size_t i = 0x1800; i < kMsrpmSize; ++i) {
        EXPECT_EQ(map[i], 0xFF);
    }
}

TEST(Msrpm, GrantsWhatTheProcessorKeepsPerGuest) {
    const std::set<std::uint32_t> own{0x174,      0x175,      0x176,      0x277,      0xC0000081, 0xC0000082,
                                      0xC0000083, 0xC0000084, 0xC0000100, 0xC0000101, 0xC0000102, 0xC0000103};
    std::set<std::uint32_t> reads = own;
    reads.insert(0x10);
    expect_msr_grants(config::Apic::xapic, reads, own);
    std::set<std::uint32_t> writes = own;
    writes.insert({0x808, 0x80B, 0x828, 0x838, 0x83E, 0x83F});
    reads.insert({0x802, 0x803, 0x808, 0x80A, 0x80D, 0x80F, 0x828, 0x830, 0x838, 0x839, 0x83E});
    for (std::uint32_t msr = 0x810; msr <= 0x827; ++msr) {
        reads.insert(msr);
    }
    for (std::uint32_t msr = 0x832; msr <= 0x837; ++msr) {
        reads.insert(msr);
    }
    expect_msr_grants(config::Apic::x2apic, reads, writes);
}

TEST(Vmcb, LongMode) {
    Bytes page(kPageSize, 0);
    write_boot_vmcb({7, Hpa{0x1000}, Hpa{0x4000}, Hpa{0x6000}}, {EntryMode::long64, 0x10'0000, 0x7F'FFF0, 0xE'0000},
                    page);
    EXPECT_EQ(get<std::uint32_t>(page, 0x000), 0U); // CR accesses
    EXPECT_EQ(get<std::uint32_t>(page, 0x004), 0U); // DR accesses
    EXPECT_EQ(get<std::uint32_t>(page, 0x008), 0x0006'0002U);
    EXPECT_EQ(get<std::uint32_t>(page, 0x00C), 0xDC4C'800AU);
    EXPECT_EQ(get<std::uint32_t>(page, 0x010), 0x0000'5F7FU);
    EXPECT_EQ(get<std::uint32_t>(page, 0x014), 0x0000'001BU);
    EXPECT_EQ(get<std::uint64_t>(page, 0x040), 0x1000U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x048), 0x4000U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x058), 7U); // TLB_CONTROL 0
    EXPECT_EQ(get<std::uint64_t>(page, 0x060), 0U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x090), 1U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x0B0), 0x6000U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x0B8), 0U);
    EXPECT_EQ(get<std::uint16_t>(page, 0x410), 0x10U); // CS
    EXPECT_EQ(get<std::uint16_t>(page, 0x412), 0xA9BU);
    EXPECT_EQ(get<std::uint16_t>(page, 0x422), 0xC93U); // SS
    EXPECT_EQ(page[0x4CB], 0U);                         // CPL
    EXPECT_EQ(get<std::uint64_t>(page, 0x4D0), 0x1D01U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x548), 0x620U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x550), 0xE'0000U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x558), 0x8001'0033U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x560), 0x400U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x568), 0xFFFF'0FF0U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x570), 2U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x578), 0x10'0000U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x5D8), 0x7F'FFF0U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x668), 0x0007'0406'0007'0406ULL);
}

TEST(Vmcb, AfterInit) {
    Bytes page(kPageSize, 0);
    write_ap_vmcb({7, Hpa{0x1000}, Hpa{0x4000}, Hpa{0x6000}}, page);
    EXPECT_EQ(get<std::uint32_t>(page, 0x00C), 0xDC4C'800AU);
    EXPECT_EQ(get<std::uint16_t>(page, 0x410), 0xF000U);
    EXPECT_EQ(get<std::uint16_t>(page, 0x412), 0x9BU);
    EXPECT_EQ(get<std::uint32_t>(page, 0x414), 0xFFFFU);
    EXPECT_EQ(get<std::uint64_t>(page, 0x418), 0xFFFF'0000U);
    EXPECT_EQ(get<std::uint16_t>(page, 0x432), 0x93U);
    EXPECT_EQ(get<std::uint16_t>(page, 0x472), 0x82U);
    EXPECT_EQ(get<std::uint16_t>(page, 0x492), 0x83U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x4D0), 0x1000U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x548), 0U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x558), 0x10U);
    EXPECT_EQ(get<std::uint64_t>(page, 0x578), 0xFFF0U);
}

TEST(GuestTables, FourGiBIdentity) {
    Bytes tables(kGuestTablesSize, 0);
    write_guest_tables(Gpa{0xE'0000}, tables);
    EXPECT_EQ(get<std::uint64_t>(tables, 0), 0xE'1023U);
    EXPECT_EQ(get<std::uint64_t>(tables, 0x1000), 0xE'2023U);
    EXPECT_EQ(get<std::uint64_t>(tables, 0x1018), 0xE'5023U);
    EXPECT_EQ(get<std::uint64_t>(tables, 0x1020), 0U);
    EXPECT_EQ(get<std::uint64_t>(tables, 0x2000), 0xE3U);
    EXPECT_EQ(get<std::uint64_t>(tables, 0x5FF8), 0xFFE0'00E3U);
}

} // namespace
} // namespace septum::build
