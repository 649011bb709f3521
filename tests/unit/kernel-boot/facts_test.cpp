// SPDX-License-Identifier: Apache-2.0
// The board's facts against a machine made of tables.
#include "kernel/boot/cpu_facts.hpp"
#include "kernel/boot/pci_set.hpp"
#include "kernel/boot/vt_d.hpp"
#include "tests/unit/kernel-boot/said.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <tuple>
#include <vector>

namespace septum::kernel::boot {
namespace {

using manifest::Fact;
using manifest::FactKind;

struct FakeCpu {
    std::map<std::tuple<u32, u32, u32>, u32> leaves;
    std::map<u32, u64> msrs;

    [[nodiscard]] u32 cpuid(u32 leaf, u32 subleaf, u32 index) const { return leaves.at({leaf, subleaf, index}); }
    [[nodiscard]] u64 msr(u32 index) const { return msrs.at(index); }
};

Fact fact(FactKind kind, u16 index, u32 a, u32 b, u64 mask, u64 expected, const char* name) {
    Fact made{kind, index, a, b, 0, mask, expected, {}};
    std::strncpy(made.name, name, sizeof made.name - 1);
    return made;
}

Refusal check(const std::vector<Fact>& facts, const FakeCpu& cpu) {
    return check_cpu_facts(Records<Fact>{facts.data(), facts.size()}, cpu, 3);
}

TEST(CpuFacts, BitsAreMasked) {
    const FakeCpu cpu{{{{0x8000'0001, 0, 2}, 0xFFFF'FFFF}}, {{0xC001'0114, 0x18}}};
    EXPECT_FALSE(check({fact(FactKind::cpuid_bits, 2, 0x8000'0001, 0, 4, 4, "svm")}, cpu));
    EXPECT_EQ(said(check({fact(FactKind::cpuid_bits, 2, 0x8000'0001, 0, 4, 0, "no svm")}, cpu)),
              "septum: refused: no svm on the CPU with APIC id 3: expected 0x0, found 0x4 (code 0x50)");
    EXPECT_FALSE(check({fact(FactKind::msr_bits, 0, 0xC001'0114, 0, 0x8, 0x8, "locked")}, cpu));
    EXPECT_EQ(said(check({fact(FactKind::msr_bits, 0, 0xC001'0114, 0, 0x10, 0, "svm not disabled")}, cpu)),
              "septum: refused: svm not disabled on the CPU with APIC id 3: expected 0x0, found 0x10 (code 0x50)");
}

TEST(CpuFacts, Floors) {
    const FakeCpu cpu{{{{0x8000'000A, 0, 1}, 16}}, {{0x8B, 0x100}}};
    EXPECT_FALSE(check({fact(FactKind::msr_at_least, 0, 0x8B, 0, ~u64{0}, 0x100, "microcode")}, cpu));
    EXPECT_TRUE(check({fact(FactKind::msr_at_least, 0, 0x8B, 0, ~u64{0}, 0x101, "microcode")}, cpu));
    EXPECT_FALSE(check({fact(FactKind::cpuid_at_least, 1, 0x8000'000A, 0, ~u64{0}, 4, "asids")}, cpu));
    EXPECT_TRUE(check({fact(FactKind::cpuid_at_least, 1, 0x8000'000A, 0, ~u64{0}, 17, "asids")}, cpu));
}

TEST(CpuFacts, UnknownKindsAreRefused) {
    EXPECT_FALSE(check({fact(FactKind::pci_bits, 0, 0x100, 8, ~0u, 1, "not a CPU's")}, {}));
    EXPECT_EQ(said(check({fact(static_cast<FactKind>(9), 0, 0, 0, 0, 0, "odd")}, {})),
              "septum: refused: fact kind: expected 0x1..0x7, found 9 (code 0x20)");
}

Refusal check_pci(const std::vector<Fact>& facts, const std::vector<PciFunction>& found) {
    return check_pci_set({facts.data(), facts.size()}, {found.data(), found.size()});
}

Fact function(u32 bdf, u32 id) {
    return fact(FactKind::pci_function, 0, bdf, 0, 0xFFFF'FFFF, id, "pci function");
}

TEST(PciFacts, TheSetsAreEqual) {
    const std::vector<Fact> facts{function(0x00, 0x29C0'8086), function(0xFA, 0x2922'8086)};
    EXPECT_FALSE(check_pci(facts, {{0x00, 0x29C0'8086}, {0xFA, 0x2922'8086}}));
    EXPECT_FALSE(check_pci(facts, {{0xFA, 0x2922'8086}, {0x00, 0x29C0'8086}}));
    EXPECT_EQ(said(check_pci(facts, {{0x00, 0x29C0'8086}})),
              "septum: refused: pci 00:1f.2: expected 8086:2922, found nothing (code 0x40)");
    EXPECT_EQ(said(check_pci(facts, {{0x00, 0x29C0'8086}, {0xFA, 0x2922'1234}})),
              "septum: refused: pci 00:1f.2: expected 8086:2922, found 1234:2922 (code 0x40)");
    EXPECT_EQ(said(check_pci(facts, {{0x00, 0x29C0'8086}, {0xFA, 0x2922'8086}, {0x100, 0x1AF4'1AF4}})),
              "septum: refused: pci 01:00.0: expected nothing, found 1af4:1af4 (code 0x40)");
}

TEST(IommuFacts, IdentityUnderItsMask) {
    manifest::Iommu board{};
    board.version = 0x10;
    board.capability = 0x40;
    board.capability_mask = 0xF0;
    board.extended = 0x0A;
    board.extended_mask = 0x0A;
    EXPECT_FALSE(iommu::check_identity(board, {0x10, 0x00FF'FF4F, 0xFF'000A}));
    EXPECT_EQ(said(iommu::check_identity(board, {0x11, 0x40, 0x0A})),
              "septum: refused: iommu version: expected 0x10, found 0x11 (code 0x60)");
    EXPECT_TRUE(iommu::check_identity(board, {0x10, 0x50, 0x0A}));
    EXPECT_TRUE(iommu::check_identity(board, {0x10, 0x40, 0x02}));
    // Eight fault records from 0xFF0 on do not lie in the page that is mapped.
    EXPECT_EQ(said(iommu::check_identity(board, {0x10, 7ULL << 40 | 0xFFULL << 24 | 0x40, 0x0A})),
              "septum: refused: iommu fault records end: expected at most 0x0..0x1000, found 0x1070 (code 0x60)");
    board.extended_mask = 0;
    EXPECT_EQ(
        said(iommu::check_identity(board, {0x10, 0x40, 0x02})),
        "septum: refused: iommu queued invalidation and interrupt remapping: expected 0xa, found 0x2 (code 0x60)");
}

} // namespace
} // namespace septum::kernel::boot
