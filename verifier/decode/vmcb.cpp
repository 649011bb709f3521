// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/vmcb.hpp"

#include <bitset>

namespace septum::verifier::decode {

namespace {

constexpr std::uint64_t kSave = 0x400; // the state-save area follows the control area (§15.5)

constexpr const char* kWord3[] = {
    "intr",        "nmi",       "smi",       "init",      "vintr",      "cr0 selective write",
    "idtr read",   "gdtr read", "ldtr read", "tr read",   "idtr write", "gdtr write",
    "ldtr write",  "tr write",  "rdtsc",     "rdpmc",     "pushf",      "popf",
    "cpuid",       "rsm",       "iret",      "intn",      "invd",       "pause",
    "hlt",         "invlpg",    "invlpga",   "ioio_prot", "msr_prot",   "task switch",
    "ferr_freeze", "shutdown"};
constexpr const char* kWord4[] = {"vmrun",       "vmmcall", "vmload", "vmsave",    "stgi",    "clgi",
                                  "skinit",      "rdtscp",  "icebp",  "wbinvd",    "monitor", "mwait",
                                  "mwait armed", "xsetbv",  "rdpru",  "efer write"};
constexpr const char* kWord5[] = {"invlpgb", "invlpgb illegal", "invpcid", "mcommit",
                                  "tlbsync", "bus lock",        "idle hlt"};

// Bits that the manual defines; the others must be zero.
constexpr std::uint64_t kVirtualInterruptBits = 0xFF'C71F'1BFF;
constexpr std::uint64_t kNestedBits = 0xFF;
constexpr std::uint64_t kLbrBits = 0xF;
constexpr std::uint64_t kEventBits = 0xFFFF'FFFF'8000'0FFF;
constexpr std::uint64_t kEferBits = 0x0036'FD01; // §3.1.7
constexpr std::uint64_t kCr4Bits = 0x00F7'1FFF;  // §3.1.3
constexpr std::uint64_t kPageOffset = kPageSize - 1;

class Reader {
public:
    Reader(ByteSpan bytes, Vmcb& vmcb) : bytes_(bytes), vmcb_(vmcb) {}

    template <typename T>
    void take(const char* name, std::uint64_t offset, T& value) {
        std::uint64_t raw = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            raw |= std::uint64_t{bytes_[offset + i]} << (8 * i);
            known_[offset + i] = true;
        }
        value = static_cast<T>(raw);
        vmcb_.fields.push_back({name, static_cast<std::uint32_t>(offset), sizeof(T), raw});
    }

    void segment(const char* const (&names)[4], std::uint64_t offset, VmcbSegment& segment) {
        take(names[0], kSave + offset, segment.selector);
        take(names[1], kSave + offset + 2, segment.attributes);
        take(names[2], kSave + offset + 4, segment.limit);
        take(names[3], kSave + offset + 8, segment.base);
    }

    // Quadwords with a byte set that belongs to no field.
    void strays(const std::string& what) {
        for (std::uint64_t at = 0; at < kPageSize; at += 8) {
            std::uint64_t stray = 0;
            for (unsigned i = 0; i < 8; ++i) {
                stray |= known_[at + i] ? 0 : std::uint64_t{bytes_[at + i]} << (8 * i);
            }
            if (stray != 0) {
                vmcb_.defects.add_lazy(
                    DefectKind::reserved_bits, [&] { return what + ": reserved bytes at offset " + hex(at); },
                    vmcb_.address + at, 0, stray);
            }
        }
    }

private:
    ByteSpan bytes_;
    Vmcb& vmcb_;
    std::bitset<kPageSize> known_;
};

#define SEPTUM_SEGMENT(name) {name ".selector", name ".attributes", name ".limit", name ".base"}

void read_control(Reader& in, Vmcb& v) {
    in.take("intercept cr", 0x000, v.intercepts[0]);
    in.take("intercept dr", 0x004, v.intercepts[1]);
    in.take("intercept exceptions", 0x008, v.intercepts[2]);
    in.take("intercept 00ch", 0x00C, v.intercepts[3]);
    in.take("intercept 010h", 0x010, v.intercepts[4]);
    in.take("intercept 014h", 0x014, v.intercepts[5]);
    in.take("pause_filter_threshold", 0x03C, v.pause_filter_threshold);
    in.take("pause_filter_count", 0x03E, v.pause_filter_count);
    in.take("iopm_base_pa", 0x040, v.iopm_base);
    in.take("msrpm_base_pa", 0x048, v.msrpm_base);
    in.take("tsc_offset", 0x050, v.tsc_offset);
    in.take("guest_asid", 0x058, v.asid);
    in.take("tlb_control", 0x05C, v.tlb_control);
    in.take("virtual_interrupt", 0x060, v.virtual_interrupt);
    in.take("interrupt_shadow", 0x068, v.interrupt_shadow);
    in.take("exitcode", 0x070, v.exit_code);
    in.take("exitinfo1", 0x078, v.exit_info1);
    in.take("exitinfo2", 0x080, v.exit_info2);
    in.take("exitintinfo", 0x088, v.exit_int_info);
    in.take("nested_control", 0x090, v.nested_control);
    in.take("avic_apic_bar", 0x098, v.avic_apic_bar);
    in.take("ghcb", 0x0A0, v.ghcb);
    in.take("eventinj", 0x0A8, v.event_injection);
    in.take("n_cr3", 0x0B0, v.nested_cr3);
    in.take("lbr_control", 0x0B8, v.lbr_control);
    in.take("clean_bits", 0x0C0, v.clean_bits);
    in.take("nrip", 0x0C8, v.next_rip);
    in.take("avic_backing_page", 0x0E0, v.avic_backing_page);
    in.take("avic_logical_table", 0x0F0, v.avic_logical_table);
    in.take("avic_physical_table", 0x0F8, v.avic_physical_table);
    in.take("vmsa", 0x108, v.vmsa);
}

void read_save(Reader& in, Vmcb& v) {
    in.segment(SEPTUM_SEGMENT("es"), 0x00, v.es);
    in.segment(SEPTUM_SEGMENT("cs"), 0x10, v.cs);
    in.segment(SEPTUM_SEGMENT("ss"), 0x20, v.ss);
    in.segment(SEPTUM_SEGMENT("ds"), 0x30, v.ds);
    in.segment(SEPTUM_SEGMENT("fs"), 0x40, v.fs);
    in.segment(SEPTUM_SEGMENT("gs"), 0x50, v.gs);
    in.segment(SEPTUM_SEGMENT("gdtr"), 0x60, v.gdtr);
    in.segment(SEPTUM_SEGMENT("ldtr"), 0x70, v.ldtr);
    in.segment(SEPTUM_SEGMENT("idtr"), 0x80, v.idtr);
    in.segment(SEPTUM_SEGMENT("tr"), 0x90, v.tr);
    in.take("cpl", kSave + 0x0CB, v.cpl);
    in.take("efer", kSave + 0x0D0, v.efer);
    in.take("cr4", kSave + 0x148, v.cr4);
    in.take("cr3", kSave + 0x150, v.cr3);
    in.take("cr0", kSave + 0x158, v.cr0);
    in.take("dr7", kSave + 0x160, v.dr7);
    in.take("dr6", kSave + 0x168, v.dr6);
    in.take("rflags", kSave + 0x170, v.rflags);
    in.take("rip", kSave + 0x178, v.rip);
    in.take("rsp", kSave + 0x1D8, v.rsp);
    in.take("s_cet", kSave + 0x1E0, v.s_cet);
    in.take("ssp", kSave + 0x1E8, v.ssp);
    in.take("isst_addr", kSave + 0x1F0, v.isst);
    in.take("rax", kSave + 0x1F8, v.rax);
    in.take("star", kSave + 0x200, v.star);
    in.take("lstar", kSave + 0x208, v.lstar);
    in.take("cstar", kSave + 0x210, v.cstar);
    in.take("sfmask", kSave + 0x218, v.sfmask);
    in.take("kernel_gs_base", kSave + 0x220, v.kernel_gs_base);
    in.take("sysenter_cs", kSave + 0x228, v.sysenter_cs);
    in.take("sysenter_esp", kSave + 0x230, v.sysenter_esp);
    in.take("sysenter_eip", kSave + 0x238, v.sysenter_eip);
    in.take("cr2", kSave + 0x240, v.cr2);
    in.take("g_pat", kSave + 0x268, v.g_pat);
    in.take("dbgctl", kSave + 0x270, v.dbgctl);
    in.take("spec_ctrl", kSave + 0x2E0, v.spec_ctrl);
}

#undef SEPTUM_SEGMENT

bool bit(std::uint64_t value, unsigned n) {
    return ((value >> n) & 1) != 0;
}

bool valid_pat(std::uint64_t pat) {
    for (unsigned i = 0; i < 8; ++i) {
        const std::uint64_t type = (pat >> (8 * i)) & 0xFF;
        if (type == 2 || type == 3 || type > 7) {
            return false;
        }
    }
    return true;
}

// Reserved bits of the control area, and what VMRUN would refuse with VMEXIT_INVALID (§15.5.1).
void check(Vmcb& v, const std::string& what) {
    const auto must = [&](bool holds, DefectKind kind, const char* field, std::uint64_t offset, std::uint64_t expected,
                          std::uint64_t found) {
        if (!holds) {
            v.defects.add(kind, what + ": " + field, v.address + offset, expected, found);
        }
    };
    const auto only = [&](const char* field, std::uint64_t offset, std::uint64_t value, std::uint64_t allowed) {
        must((value & ~allowed) == 0, DefectKind::reserved_bits, field, offset, value & allowed, value);
    };
    const auto aligned = [&](const char* field, std::uint64_t offset, std::uint64_t value) {
        must((value & kPageOffset) == 0, DefectKind::unaligned, field, offset, value & ~kPageOffset, value);
    };
    const auto consistent = [&](bool holds, const char* rule, std::uint64_t offset, std::uint64_t expected,
                                std::uint64_t found) {
        must(holds, DefectKind::wrong_value, rule, offset, expected, found);
    };

    only("virtual_interrupt has reserved bits set", 0x060, v.virtual_interrupt, kVirtualInterruptBits);
    only("interrupt_shadow has reserved bits set", 0x068, v.interrupt_shadow, 3);
    only("nested_control has reserved bits set", 0x090, v.nested_control, kNestedBits);
    only("eventinj has reserved bits set", 0x0A8, v.event_injection, kEventBits);
    only("lbr_control has reserved bits set", 0x0B8, v.lbr_control, kLbrBits);
    only("intercept word 014h has reserved bits set", 0x014, v.intercepts[5], 0x7F);
    aligned("iopm_base_pa is not page aligned", 0x040, v.iopm_base);
    aligned("msrpm_base_pa is not page aligned", 0x048, v.msrpm_base);
    aligned("n_cr3 is not page aligned", 0x0B0, v.nested_cr3);
    consistent(v.tlb_control <= 7 && v.tlb_control != 2 && (v.tlb_control < 4 || v.tlb_control == 7),
               "tlb_control has no meaning", 0x05C, 0, v.tlb_control);

    consistent(v.asid != 0, "guest_asid is zero", 0x058, 1, v.asid);
    consistent(v.intercepted(Intercept::vmrun), "vmrun is not intercepted", 0x010, v.intercepts[4] | 1,
               v.intercepts[4]);
    if (v.injects_event()) {
        const std::uint64_t type = (v.event_injection >> 8) & 7; // §15.20: 0 intr, 2 nmi, 3 exception, 4 software
        const std::uint64_t vector = v.event_injection & 0xFF;
        consistent(type == 0 || type == 2 || type == 4 || (type == 3 && vector != 2 && vector <= 31),
                   "eventinj is not a legal event", 0x0A8, 0, v.event_injection);
    }
    const std::uint64_t efer_at = kSave + 0x0D0;
    const std::uint64_t cr0_at = kSave + 0x158;
    const std::uint64_t cr4_at = kSave + 0x148;
    consistent(bit(v.efer, 12), "efer.svme is clear", efer_at, v.efer | 1ULL << 12, v.efer);
    only("efer has reserved bits set", efer_at, v.efer, kEferBits);
    only("cr4 has reserved bits set", cr4_at, v.cr4, kCr4Bits);
    only("cr0 has its upper half set", cr0_at, v.cr0, 0xFFFF'FFFF);
    only("dr6 has its upper half set", kSave + 0x168, v.dr6, 0xFFFF'FFFF);
    only("dr7 has its upper half set", kSave + 0x160, v.dr7, 0xFFFF'FFFF);
    consistent(bit(v.cr0, 30) || !bit(v.cr0, 29), "cr0.nw is set without cr0.cd", cr0_at, v.cr0 & ~(1ULL << 29), v.cr0);
    if (bit(v.efer, 8) && bit(v.cr0, 31)) { // long mode
        consistent(bit(v.cr4, 5), "long mode without cr4.pae", cr4_at, v.cr4 | 1ULL << 5, v.cr4);
        consistent(bit(v.cr0, 0), "long mode without cr0.pe", cr0_at, v.cr0 | 1, v.cr0);
        // Attributes: bit 9 L, bit 10 D/B (§15.5.1: the descriptor's bits 55:52 and 47:40).
        consistent(!(bit(v.cs.attributes, 9) && bit(v.cs.attributes, 10)), "cs.l and cs.d are both set", kSave + 0x12,
                   v.cs.attributes & ~0x400ULL, v.cs.attributes);
    }
    consistent(v.cpl <= 3, "cpl is no privilege level", kSave + 0x0CB, 0, v.cpl);
    consistent(valid_pat(v.g_pat), "g_pat has an entry that is no memory type", kSave + 0x268, 0, v.g_pat);
    const struct {
        const char* text;
        const VmcbSegment& segment;
        std::uint64_t offset;
    } segments[] = {
        {"es.attributes has reserved bits set", v.es, 0x02},     {"cs.attributes has reserved bits set", v.cs, 0x12},
        {"ss.attributes has reserved bits set", v.ss, 0x22},     {"ds.attributes has reserved bits set", v.ds, 0x32},
        {"fs.attributes has reserved bits set", v.fs, 0x42},     {"gs.attributes has reserved bits set", v.gs, 0x52},
        {"ldtr.attributes has reserved bits set", v.ldtr, 0x72}, {"tr.attributes has reserved bits set", v.tr, 0x92}};
    for (const auto& each : segments) {
        only(each.text, kSave + each.offset, each.segment.attributes, 0xFFF);
    }
}

} // namespace

std::string intercept_name(unsigned bit_number) {
    const unsigned word = bit_number / 32;
    const unsigned n = bit_number % 32;
    switch (word) {
    case 0:
        return (n < 16 ? "cr" + std::to_string(n) + " read" : "cr" + std::to_string(n - 16) + " write");
    case 1:
        return (n < 16 ? "dr" + std::to_string(n) + " read" : "dr" + std::to_string(n - 16) + " write");
    case 2:
        return "exception " + std::to_string(n);
    case 3:
        return kWord3[n];
    case 4:
        return n < 16 ? kWord4[n] : "cr" + std::to_string(n - 16) + " write, after";
    case 5:
        return n < std::size(kWord5) ? kWord5[n] : "reserved " + std::to_string(bit_number);
    default:
        return "reserved " + std::to_string(bit_number);
    }
}

Vmcb decode_vmcb(const HostMemory& memory, std::uint64_t address, const std::string& what) {
    Vmcb vmcb;
    vmcb.address = address;
    if (address % kPageSize != 0) { // §15.5.1
        vmcb.defects.add(DefectKind::unaligned, what + " is not page aligned", address, address & ~kPageOffset,
                         address);
    }
    const auto bytes = memory.at(address, kPageSize);
    if (!bytes) {
        vmcb.defects.add(DefectKind::unreadable, what + " lies outside the bundle", address, memory.sealed_base,
                         address);
        return vmcb;
    }
    if (!memory.sealed(address, kPageSize)) {
        vmcb.defects.add(DefectKind::outside_tables, what + " lies outside the sealed tables", address,
                         memory.sealed_base, address);
    }
    vmcb.readable = true;
    Reader reader(*bytes, vmcb);
    read_control(reader, vmcb);
    read_save(reader, vmcb);
    reader.strays(what);
    check(vmcb, what);
    return vmcb;
}

} // namespace septum::verifier::decode
