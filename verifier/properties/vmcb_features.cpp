// SPDX-License-Identifier: Apache-2.0
// vmcb.features: no other feature of SVM is on.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/vmcb_templates.hpp"
#include "verifier/properties/shared/vmcb_word.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr std::uint64_t kGuestPat = 0x0007'0406'0007'0406; // the reset value (APM 2 §7.8.2)
constexpr std::uint64_t kEferSvme = 1ULL << 12;
constexpr std::uint64_t kEferAllowed = 0x1D01; // SVME, NXE, LMA, LME, SCE

// The same for the solver: by place in the format (appendix B, tables B-1 and B-2), not by name.
smt::Answer features_by_solver(const Context& context, unsigned timeout) {
    constexpr std::uint32_t kZero[] = {0x050, 0x05C, 0x060, 0x068, 0x098, 0x0A0, 0x0A8, 0x0B8,
                                       0x0C0, 0x0E0, 0x0F0, 0x0F8, 0x108, 0x4CB, 0x670};
    Words words;
    for (const PartitionFacts& facts : context.facts->partitions) {
        for (const decode::Vmcb* vmcb : {&facts.vmcb_boot, &facts.vmcb_ap}) {
            for (const std::uint32_t offset : kZero) {
                vmcb_word(words, *vmcb, offset, 0);
            }
            vmcb_word(words, *vmcb, 0x090, 1);
            vmcb_word(words, *vmcb, 0x4D0, kEferSvme, ~kEferAllowed | kEferSvme);
            vmcb_word(words, *vmcb, 0x668, kGuestPat);
            words.is(vmcb->defects.total(), 0);
        }
    }
    return words.allowed("vmcb.features", timeout);
}

void check_features(const Context& context, Judge& judge) {
    for (const VmcbTemplate& of : vmcb_templates(*context.facts)) {
        const decode::Vmcb& v = *of.vmcb;
        struct Field {
            const char* name;
            std::uint64_t found;
            std::uint64_t expected;
        };
        const Field fields[] = {
            {"tlb_control", v.tlb_control, 0},
            {"tsc_offset", v.tsc_offset, 0},
            {"virtual interrupt control", v.virtual_interrupt, 0},
            {"interrupt shadow", v.interrupt_shadow, 0},
            {"nested control", v.nested_control, 1},
            {"AVIC base", v.avic_apic_bar, 0},
            {"GHCB", v.ghcb, 0},
            {"event injection", v.event_injection, 0},
            {"LBR control", v.lbr_control, 0},
            {"clean bits", v.clean_bits, 0},
            {"AVIC backing page", v.avic_backing_page, 0},
            {"AVIC logical table", v.avic_logical_table, 0},
            {"AVIC physical table", v.avic_physical_table, 0},
            {"VMSA", v.vmsa, 0},
            {"g_pat", v.g_pat, kGuestPat},
            {"dbgctl", v.dbgctl, 0},
            {"EFER beyond SVME, NXE, LMA, LME, SCE", v.efer & ~kEferAllowed, 0},
            {"EFER.SVME", v.efer & kEferSvme, kEferSvme},
            {"CPL", v.cpl, 0},
        };
        for (const Field& field : fields) {
            if (field.found != field.expected) {
                say_of(judge, of,
                       fmt::format("the {} CPU's VMCB template of `{}` has {} = {:#x}, expected {:#x}", of.name,
                                   of.facts->name, field.name, field.found, field.expected),
                       field.name);
            }
        }
        for (const Defect& defect : v.defects.kept()) {
            say_of(judge, of,
                   fmt::format("{}: {}, expected {:#x}, found {:#x}", defect.what, decode::name(defect.kind),
                               defect.expected, defect.found),
                   decode::name(defect.kind));
        }
    }
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return features_by_solver(context, timeout); });
}

} // namespace

const Property kVmcbFeatures{
    .id = "vmcb.features",
    .title = "no other feature of SVM is on",
    .statement =
        "The templates use no virtual interrupts, AVIC, LBR virtualisation, encryption, event injection or TSC "
        "offset; every byte that the format does not define is zero; the guest's EFER holds SVME as the processor "
        "asks and nothing unusual.",
    .level = Level::bytes,
    .rests_on = "the VMCB templates in the image, as decoded",
    .manual = "AMD APM volume 2 §15.5.1, appendix B",
    .mend = kNotFromThisModel,
    .bytes = check_features,
};

} // namespace septum::verifier
