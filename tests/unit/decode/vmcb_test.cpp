// SPDX-License-Identifier: Apache-2.0
// Offsets and bits are those of APM 2 appendix B, written out here once more.
#include "verifier/decode/vmcb.hpp"

#include "memory.hpp"

namespace septum::verifier::decode {
namespace {

using test::Pages;
using test::put;

Pages plain() {
    Pages p(1);
    put(p.bytes, 0x010, 1, 4);                     // VMRUN
    put(p.bytes, 0x058, 3, 4);                     // ASID
    put(p.bytes, 0x4D0, 0x1D01, 8);                // EFER: SCE LME LMA NXE SVME
    put(p.bytes, 0x548, 0x620, 8);                 // CR4
    put(p.bytes, 0x558, 0x8001'0033, 8);           // CR0
    put(p.bytes, 0x668, 0x0007'0406'0007'0406, 8); // G_PAT
    put(p.bytes, 0x412, 0x29B, 2);                 // CS attributes: L
    return p;
}

Vmcb decode(const Pages& p) {
    return decode_vmcb(p.memory(), Pages::kBase, "vmcb");
}

TEST(Vmcb, EveryInterceptAtItsBit) {
    const struct {
        unsigned offset, bit;
        Intercept intercept;
        const char* name;
    } cases[] = {
        {0x000, 0, Intercept::cr0_read, "cr0 read"},
        {0x000, 24, Intercept::cr8_write, "cr8 write"},
        {0x008, 1, Intercept::exception_db, "exception 1"},
        {0x008, 17, Intercept::exception_ac, "exception 17"},
        {0x008, 18, Intercept::exception_mc, "exception 18"},
        {0x00C, 0, Intercept::intr, "intr"},
        {0x00C, 1, Intercept::nmi, "nmi"},
        {0x00C, 3, Intercept::init, "init"},
        {0x00C, 4, Intercept::vintr, "vintr"},
        {0x00C, 14, Intercept::rdtsc, "rdtsc"},
        {0x00C, 15, Intercept::rdpmc, "rdpmc"},
        {0x00C, 18, Intercept::cpuid, "cpuid"},
        {0x00C, 19, Intercept::rsm, "rsm"},
        {0x00C, 20, Intercept::iret, "iret"},
        {0x00C, 22, Intercept::invd, "invd"},
        {0x00C, 24, Intercept::hlt, "hlt"},
        {0x00C, 26, Intercept::invlpga, "invlpga"},
        {0x00C, 27, Intercept::ioio_prot, "ioio_prot"},
        {0x00C, 28, Intercept::msr_prot, "msr_prot"},
        {0x00C, 29, Intercept::task_switch, "task switch"},
        {0x00C, 30, Intercept::ferr_freeze, "ferr_freeze"},
        {0x00C, 31, Intercept::shutdown, "shutdown"},
        {0x010, 1, Intercept::vmmcall, "vmmcall"},
        {0x010, 4, Intercept::stgi, "stgi"},
        {0x010, 6, Intercept::skinit, "skinit"},
        {0x010, 8, Intercept::icebp, "icebp"},
        {0x010, 9, Intercept::wbinvd, "wbinvd"},
        {0x010, 10, Intercept::monitor, "monitor"},
        {0x010, 12, Intercept::mwait_armed, "mwait armed"},
        {0x010, 13, Intercept::xsetbv, "xsetbv"},
        {0x010, 14, Intercept::rdpru, "rdpru"},
        {0x014, 0, Intercept::invlpgb, "invlpgb"},
        {0x014, 1, Intercept::invlpgb_illegal, "invlpgb illegal"},
        {0x014, 3, Intercept::mcommit, "mcommit"},
        {0x014, 4, Intercept::tlbsync, "tlbsync"},
    };
    for (const auto& each : cases) {
        Pages p = plain();
        put(p.bytes, each.offset, (each.offset == 0x010 ? 1U : 0U) | 1U << each.bit, 4);
        const Vmcb v = decode(p);
        for (unsigned bit = 0; bit < kInterceptBits; ++bit) {
            const bool expected =
                bit == static_cast<unsigned>(each.intercept) || bit == static_cast<unsigned>(Intercept::vmrun);
            EXPECT_EQ(v.intercepted_bit(bit), expected) << each.name << " " << bit;
        }
        EXPECT_EQ(intercept_name(static_cast<unsigned>(each.intercept)), each.name);
        EXPECT_TRUE(v.intercepted(each.intercept));
    }
    EXPECT_FALSE(decode(plain()).intercepted_bit(kInterceptBits));
    for (unsigned bit = 0; bit < kInterceptBits + 8; ++bit) {
        EXPECT_FALSE(intercept_name(bit).empty());
    }
}

TEST(Vmcb, ControlArea) {
    Pages p = plain();
    put(p.bytes, 0x040, 0x12'3000, 8);
    put(p.bytes, 0x048, 0x12'6000, 8);
    put(p.bytes, 0x050, 0x55, 8);
    put(p.bytes, 0x05C, 3, 1);
    put(p.bytes, 0x060, 0x25ULL << 32 | 1U << 24 | 7U << 16 | 1U << 8 | 9, 8);
    put(p.bytes, 0x068, 1, 8);
    put(p.bytes, 0x090, 0x83, 8);
    put(p.bytes, 0x0A8, 0x8000'0202, 8);
    put(p.bytes, 0x0B0, 0x77'7000, 8);
    put(p.bytes, 0x0B8, 3, 8);
    const Vmcb v = decode(p);
    EXPECT_TRUE(v.defects.empty());
    EXPECT_EQ(v.asid, 3U);
    EXPECT_EQ(v.iopm_base, 0x12'3000U);
    EXPECT_EQ(v.msrpm_base, 0x12'6000U);
    EXPECT_EQ(v.tsc_offset, 0x55U);
    EXPECT_EQ(v.tlb_control, 3);
    EXPECT_EQ(v.v_tpr(), 9);
    EXPECT_TRUE(v.v_irq());
    EXPECT_FALSE(v.v_gif());
    EXPECT_EQ(v.v_intr_priority(), 7);
    EXPECT_TRUE(v.v_intr_masking());
    EXPECT_EQ(v.v_intr_vector(), 0x25);
    EXPECT_FALSE(v.avic_enabled());
    EXPECT_TRUE(v.np_enabled());
    EXPECT_TRUE(v.sev_enabled());
    EXPECT_FALSE(v.sev_es_enabled());
    EXPECT_TRUE(v.invlpgb_enabled());
    EXPECT_TRUE(v.injects_event());
    EXPECT_EQ(v.nested_cr3, 0x77'7000U);
    EXPECT_TRUE(v.lbr_virtualised());
    EXPECT_TRUE(v.vmload_virtualised());
}

TEST(Vmcb, SaveArea) {
    Pages p = plain();
    put(p.bytes, 0x410, 0x8, 2);
    put(p.bytes, 0x414, 0xFFFF'FFFF, 4);
    put(p.bytes, 0x418, 0x1122'3344'5566, 8);
    put(p.bytes, 0x460 + 4, 0x7F, 4); // GDTR
    put(p.bytes, 0x4CB, 3, 1);
    put(p.bytes, 0x550, 0xE'0000, 8);
    put(p.bytes, 0x570, 2, 8);
    put(p.bytes, 0x578, 0x10'0200, 8);
    put(p.bytes, 0x5D8, 0xF00'0000, 8);
    put(p.bytes, 0x5F8, 0xAA, 8);
    const Vmcb v = decode(p);
    EXPECT_TRUE(v.defects.empty());
    EXPECT_EQ(v.cs, (VmcbSegment{8, 0x29B, 0xFFFF'FFFF, 0x1122'3344'5566}));
    EXPECT_EQ(v.gdtr.limit, 0x7FU);
    EXPECT_EQ(v.cpl, 3);
    EXPECT_EQ(v.efer, 0x1D01U);
    EXPECT_EQ(v.cr0, 0x8001'0033U);
    EXPECT_EQ(v.cr3, 0xE'0000U);
    EXPECT_EQ(v.cr4, 0x620U);
    EXPECT_EQ(v.rflags, 2U);
    EXPECT_EQ(v.rip, 0x10'0200U);
    EXPECT_EQ(v.rsp, 0xF00'0000U);
    EXPECT_EQ(v.rax, 0xAAU);
    EXPECT_EQ(v.g_pat, 0x0007'0406'0007'0406U);
}

TEST(Vmcb, FieldsDoNotOverlapAndAreAligned) {
    const Vmcb v = decode(plain());
    std::vector<bool> seen(kPageSize, false);
    for (const VmcbField& field : v.fields) {
        EXPECT_EQ(field.offset % field.size, 0U) << field.name;
        for (unsigned i = 0; i < field.size; ++i) {
            EXPECT_FALSE(seen[field.offset + i]) << field.name;
            seen[field.offset + i] = true;
        }
    }
}

TEST(Vmcb, EveryOtherByteIsReserved) {
    std::vector<bool> known(kPageSize, false);
    for (const VmcbField& field : decode(plain()).fields) {
        std::fill_n(known.begin() + field.offset, field.size, true);
    }
    for (std::uint64_t at = 0; at < kPageSize; at += 13) {
        if (!known[at]) {
            Pages p = plain();
            p.bytes[at] = 0x40;
            const Vmcb v = decode(p);
            EXPECT_EQ(v.defects.count(DefectKind::reserved_bits), 1U) << at;
            EXPECT_EQ(v.defects.kept().at(0).address, Pages::kBase + (at & ~7ULL));
        }
    }
}

TEST(Vmcb, WhatVmrunRefuses) {
    const struct {
        unsigned offset;
        std::uint64_t value;
        unsigned size;
        DefectKind kind;
    } cases[] = {
        {0x010, 0, 4, DefectKind::wrong_value},                     // VMRUN not intercepted
        {0x058, 0, 4, DefectKind::wrong_value},                     // ASID 0
        {0x4D0, 0x0D01, 8, DefectKind::wrong_value},                // EFER.SVME
        {0x4D0, 0x1D03, 8, DefectKind::reserved_bits},              // EFER
        {0x548, 0x600, 8, DefectKind::wrong_value},                 // long mode without PAE
        {0x548, 0x620 | 1 << 19, 8, DefectKind::reserved_bits},     // CR4
        {0x558, 0x8001'0032, 8, DefectKind::wrong_value},           // paging without protection
        {0x558, 0xA001'0033, 8, DefectKind::wrong_value},           // NW without CD
        {0x558, 0x1'8001'0033, 8, DefectKind::reserved_bits},       // CR0[63:32]
        {0x560, 1ULL << 32, 8, DefectKind::reserved_bits},          // DR7
        {0x568, 1ULL << 32, 8, DefectKind::reserved_bits},          // DR6
        {0x412, 0x69B, 2, DefectKind::wrong_value},                 // CS.L and CS.D
        {0x0A8, 0x8000'0302, 8, DefectKind::wrong_value},           // inject #2 as exception
        {0x0A8, 0x8000'0120, 8, DefectKind::wrong_value},           // reserved type
        {0x040, 0x800, 8, DefectKind::unaligned},                   // IOPM
        {0x668, 0x0007'0406'0007'0402, 8, DefectKind::wrong_value}, // PAT
        {0x05C, 2, 1, DefectKind::wrong_value},                     // TLB_CONTROL
        {0x060, 1ULL << 10, 8, DefectKind::reserved_bits},
    };
    EXPECT_TRUE(decode(plain()).defects.empty());
    for (const auto& each : cases) {
        Pages p = plain();
        put(p.bytes, each.offset, each.value, each.size);
        const Vmcb v = decode(p);
        EXPECT_EQ(v.defects.count(each.kind), 1U) << hex(std::uint64_t{each.offset}) << " " << hex(each.value);
    }
}

TEST(Vmcb, PlaceIsChecked) {
    const Pages p = plain();
    EXPECT_TRUE(decode_vmcb(p.memory(), Pages::page(1), "vmcb").defects.has(DefectKind::unreadable));
    EXPECT_TRUE(decode_vmcb(p.memory(), Pages::kBase + 16, "vmcb").defects.has(DefectKind::unaligned));
    EXPECT_FALSE(decode_vmcb(p.memory(), Pages::page(1), "vmcb").readable);
}

} // namespace
} // namespace septum::verifier::decode
