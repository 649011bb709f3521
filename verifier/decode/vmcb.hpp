// SPDX-License-Identifier: Apache-2.0
// The VMCB (APM 2 §15.5, appendix B): control area and state-save area of a template, as VMRUN would read them.
#pragma once

#include "verifier/decode/bytes.hpp"

#include <array>

namespace septum::verifier::decode {

// Intercepts by their bit number from the VMCB's start (table B-1): word × 32 + bit.
enum class Intercept : std::uint16_t {
    // 000h: CR0-15 reads 0..15, writes 16..31. 004h: DR0-15 reads 32..47, writes 48..63. 008h: exceptions 64..95.
    cr0_read = 0,
    cr3_read = 3,
    cr4_read = 4,
    cr8_read = 8,
    cr0_write = 16,
    cr3_write = 19,
    cr4_write = 20,
    cr8_write = 24,
    exception_de = 64,
    exception_db = 65,
    exception_ud = 70,
    exception_df = 72,
    exception_gp = 77,
    exception_pf = 78,
    exception_ac = 81,
    exception_mc = 82,
    // 00Ch
    intr = 96,
    nmi,
    smi,
    init,
    vintr,
    cr0_selective,
    idtr_read,
    gdtr_read,
    ldtr_read,
    tr_read,
    idtr_write,
    gdtr_write,
    ldtr_write,
    tr_write,
    rdtsc,
    rdpmc,
    pushf,
    popf,
    cpuid,
    rsm,
    iret,
    int_n,
    invd,
    pause,
    hlt,
    invlpg,
    invlpga,
    ioio_prot,
    msr_prot,
    task_switch,
    ferr_freeze,
    shutdown,
    // 010h
    vmrun = 128,
    vmmcall,
    vmload,
    vmsave,
    stgi,
    clgi,
    skinit,
    rdtscp,
    icebp,
    wbinvd,
    monitor,
    mwait,
    mwait_armed,
    xsetbv,
    rdpru,
    efer_write_after,
    cr0_write_after,
    // 014h
    invlpgb = 160,
    invlpgb_illegal,
    invpcid,
    mcommit,
    tlbsync,
    bus_lock,
    idle_hlt,
};
inline constexpr unsigned kInterceptBits = 192;
[[nodiscard]] std::string intercept_name(unsigned bit); // "nmi", "exception 1", "cr3 write", "vmrun"

struct VmcbSegment { // state-save area: selector, attributes (§B: 12 bits), limit, base
    std::uint16_t selector = 0;
    std::uint16_t attributes = 0;
    std::uint32_t limit = 0;
    std::uint64_t base = 0;
    friend bool operator==(const VmcbSegment&, const VmcbSegment&) = default;
};

// A field by its name, place and value: for those who show or compare all of them.
struct VmcbField {
    const char* name = "";    // "asid", "cr3", "cs.base"
    std::uint32_t offset = 0; // bytes from the VMCB's start
    std::uint32_t size = 0;   // bytes
    std::uint64_t value = 0;
};

struct Vmcb {
    bool readable = false;
    std::uint64_t address = 0;

    // Control area.
    std::array<std::uint32_t, 6> intercepts{}; // 000h, 004h, 008h, 00Ch, 010h, 014h
    std::uint16_t pause_filter_threshold = 0;  // 03Ch
    std::uint16_t pause_filter_count = 0;      // 03Eh
    std::uint64_t iopm_base = 0;               // 040h
    std::uint64_t msrpm_base = 0;              // 048h
    std::uint64_t tsc_offset = 0;              // 050h
    std::uint32_t asid = 0;                    // 058h
    std::uint8_t tlb_control = 0;              // 05Ch
    std::uint64_t virtual_interrupt = 0;       // 060h, raw; split below
    std::uint64_t interrupt_shadow = 0;        // 068h
    std::uint64_t exit_code = 0;               // 070h
    std::uint64_t exit_info1 = 0;              // 078h
    std::uint64_t exit_info2 = 0;              // 080h
    std::uint64_t exit_int_info = 0;           // 088h
    std::uint64_t nested_control = 0;          // 090h, raw; split below
    std::uint64_t avic_apic_bar = 0;           // 098h
    std::uint64_t ghcb = 0;                    // 0A0h
    std::uint64_t event_injection = 0;         // 0A8h
    std::uint64_t nested_cr3 = 0;              // 0B0h
    std::uint64_t lbr_control = 0;             // 0B8h, raw; split below
    std::uint64_t clean_bits = 0;              // 0C0h
    std::uint64_t next_rip = 0;                // 0C8h
    std::uint64_t avic_backing_page = 0;       // 0E0h
    std::uint64_t avic_logical_table = 0;      // 0F0h
    std::uint64_t avic_physical_table = 0;     // 0F8h
    std::uint64_t vmsa = 0;                    // 108h

    // Save area (offsets from the VMCB's start: 400h + those of table B-2).
    VmcbSegment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr; // 400h + 10h each
    std::uint8_t cpl = 0;                                     // 4CBh
    std::uint64_t efer = 0;                                   // 4D0h
    std::uint64_t cr4 = 0;                                    // 548h
    std::uint64_t cr3 = 0;                                    // 550h
    std::uint64_t cr0 = 0;                                    // 558h
    std::uint64_t dr7 = 0;                                    // 560h
    std::uint64_t dr6 = 0;                                    // 568h
    std::uint64_t rflags = 0;                                 // 570h
    std::uint64_t rip = 0;                                    // 578h
    std::uint64_t rsp = 0;                                    // 5D8h
    std::uint64_t s_cet = 0;                                  // 5E0h
    std::uint64_t ssp = 0;                                    // 5E8h
    std::uint64_t isst = 0;                                   // 5F0h
    std::uint64_t rax = 0;                                    // 5F8h
    std::uint64_t star = 0;                                   // 600h
    std::uint64_t lstar = 0;                                  // 608h
    std::uint64_t cstar = 0;                                  // 610h
    std::uint64_t sfmask = 0;                                 // 618h
    std::uint64_t kernel_gs_base = 0;                         // 620h
    std::uint64_t sysenter_cs = 0;                            // 628h
    std::uint64_t sysenter_esp = 0;                           // 630h
    std::uint64_t sysenter_eip = 0;                           // 638h
    std::uint64_t cr2 = 0;                                    // 640h
    std::uint64_t g_pat = 0;                                  // 668h
    std::uint64_t dbgctl = 0;                                 // 670h
    std::uint64_t spec_ctrl = 0;                              // 6E0h

    // Every field above, and no other byte: what is set elsewhere is in `defects` as reserved bits.
    std::vector<VmcbField> fields;
    Defects defects;

    [[nodiscard]] bool intercepted(Intercept i) const { return intercepted_bit(static_cast<unsigned>(i)); }
    [[nodiscard]] bool intercepted_bit(unsigned bit) const {
        return bit < kInterceptBits && ((intercepts[bit / 32] >> (bit % 32)) & 1U) != 0;
    }

    // 060h (§15.21)
    [[nodiscard]] std::uint8_t v_tpr() const { return static_cast<std::uint8_t>(virtual_interrupt); }
    [[nodiscard]] bool v_irq() const { return ((virtual_interrupt >> 8) & 1) != 0; }
    [[nodiscard]] bool v_gif() const { return ((virtual_interrupt >> 9) & 1) != 0; }
    [[nodiscard]] bool v_nmi() const { return ((virtual_interrupt >> 11) & 1) != 0; }
    [[nodiscard]] bool v_nmi_masked() const { return ((virtual_interrupt >> 12) & 1) != 0; }
    [[nodiscard]] std::uint8_t v_intr_priority() const { return (virtual_interrupt >> 16) & 0xF; }
    [[nodiscard]] bool v_ignore_tpr() const { return ((virtual_interrupt >> 20) & 1) != 0; }
    [[nodiscard]] bool v_intr_masking() const { return ((virtual_interrupt >> 24) & 1) != 0; }
    [[nodiscard]] bool v_gif_enabled() const { return ((virtual_interrupt >> 25) & 1) != 0; }
    [[nodiscard]] bool v_nmi_enabled() const { return ((virtual_interrupt >> 26) & 1) != 0; }
    [[nodiscard]] bool x2avic_enabled() const { return ((virtual_interrupt >> 30) & 1) != 0; }
    [[nodiscard]] bool avic_enabled() const { return ((virtual_interrupt >> 31) & 1) != 0; }
    [[nodiscard]] std::uint8_t v_intr_vector() const { return (virtual_interrupt >> 32) & 0xFF; }
    // 090h
    [[nodiscard]] bool np_enabled() const { return (nested_control & 1) != 0; }
    [[nodiscard]] bool sev_enabled() const { return ((nested_control >> 1) & 1) != 0; }
    [[nodiscard]] bool sev_es_enabled() const { return ((nested_control >> 2) & 1) != 0; }
    [[nodiscard]] bool gmet_enabled() const { return ((nested_control >> 3) & 1) != 0; }
    [[nodiscard]] bool invlpgb_enabled() const { return ((nested_control >> 7) & 1) != 0; } // guest INVLPGB/TLBSYNC
    // 0A8h (§15.20)
    [[nodiscard]] bool injects_event() const { return ((event_injection >> 31) & 1) != 0; }
    // 0B8h
    [[nodiscard]] bool lbr_virtualised() const { return (lbr_control & 1) != 0; }
    [[nodiscard]] bool vmload_virtualised() const { return ((lbr_control >> 1) & 1) != 0; }
};

// Also checks VMRUN's consistency rules (§15.5.1) on the state: each breach is a defect (`wrong_value`).
[[nodiscard]] Vmcb decode_vmcb(const HostMemory& memory, std::uint64_t address, const std::string& what);

} // namespace septum::verifier::decode
