// SPDX-License-Identifier: Apache-2.0
// The VMCB templates: which instructions leave the guest, which tables bound it, which features are on.
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

using decode::Intercept;

// Every one of these a guest could use against others or against the kernel, and the kernel answers each.
constexpr Intercept kMandatory[] = {
    Intercept::exception_db,
    Intercept::exception_ac,
    Intercept::exception_mc,
    Intercept::nmi,
    Intercept::init,
    Intercept::rdpmc,
    Intercept::cpuid,
    Intercept::rsm,
    Intercept::invd,
    Intercept::invlpga,
    Intercept::ioio_prot,
    Intercept::msr_prot,
    Intercept::ferr_freeze,
    Intercept::shutdown,
    Intercept::vmrun,
    Intercept::vmmcall,
    Intercept::vmload,
    Intercept::vmsave,
    Intercept::stgi,
    Intercept::clgi,
    Intercept::skinit,
    Intercept::icebp,
    Intercept::wbinvd,
    Intercept::monitor,
    Intercept::mwait,
    Intercept::mwait_armed,
    Intercept::rdpru,
    Intercept::invlpgb,
    Intercept::invlpgb_illegal,
    Intercept::mcommit,
    Intercept::tlbsync,
};

std::array<bool, decode::kInterceptBits> mandatory() {
    std::array<bool, decode::kInterceptBits> out{};
    for (const Intercept intercept : kMandatory) {
        out[static_cast<unsigned>(intercept)] = true;
    }
    return out;
}

struct Template {
    const PartitionFacts* facts;
    const decode::Vmcb* vmcb;
    const char* name;
};

std::vector<Template> templates(const Facts& facts) {
    std::vector<Template> out;
    for (const PartitionFacts& partition : facts.partitions) {
        out.push_back({&partition, &partition.vmcb_boot, "boot"});
        out.push_back({&partition, &partition.vmcb_ap, "application"});
    }
    return out;
}

void say(Judge& judge, const Template& of, std::string message, std::string key) {
    judge.violated({.message = std::move(message),
                    .partitions = {of.facts->name},
                    .key = fmt::format("{}:{}", of.name, key),
                    .witness = "host-physical " + address(of.vmcb->address)});
}

constexpr unsigned kTemplateShift = 8; // 192 intercept bits fit below

// Both ways for one direction: `required` bits of every template against those found.
void check_bits(const Context& context, Judge& judge, bool lacking, const char* query) {
    const std::array<bool, decode::kInterceptBits> required = mandatory();
    const std::vector<Template> all = templates(*context.facts);
    Pieces found_pieces;
    Pieces required_pieces;
    bool holds = true;
    for (std::size_t t = 0; t < all.size(); ++t) {
        for (unsigned b = 0; b < decode::kInterceptBits; ++b) {
            const std::uint64_t place = t << kTemplateShift | b;
            const bool found = all[t].vmcb->intercepted_bit(b);
            if (found) {
                found_pieces.push_back({place, place + 1, 1});
            }
            if (required[b]) {
                required_pieces.push_back({place, place + 1, 1});
            }
            if (lacking ? required[b] && !found : found && !required[b]) {
                holds = false;
                say(judge, all[t],
                    lacking ? fmt::format("the {} CPU's VMCB template of `{}` does not intercept {}", all[t].name,
                                          all[t].facts->name, decode::intercept_name(b))
                            : fmt::format("the {} CPU's VMCB template of `{}` intercepts {}, which the kernel does not "
                                          "answer",
                                          all[t].name, all[t].facts->name, decode::intercept_name(b)),
                    decode::intercept_name(b));
            }
        }
    }
    judge.solver_agrees(holds, [&](unsigned timeout) {
        return lacking ? smt::within(query, united(required_pieces), united(found_pieces), timeout)
                       : smt::within(query, united(found_pieces), united(required_pieces), timeout);
    });
}

void check_intercepts(const Context& context, Judge& judge) {
    for (const Template& of : templates(*context.facts)) {
        if (!of.vmcb->readable) {
            say(judge, of, fmt::format("the {} CPU's VMCB template of `{}` can't be read", of.name, of.facts->name),
                "unreadable");
        }
    }
    check_bits(context, judge, true, "exit.intercepts");
}

void check_rules(const Context& context, Judge& judge) {
    for (const PartitionFacts& facts : context.facts->partitions) {
        const auto bad = [&](std::string message, std::string key, std::string witness) {
            judge.violated({.message = std::move(message),
                            .partitions = {facts.name},
                            .key = std::move(key),
                            .witness = std::move(witness)});
        };
        std::int64_t last = -1;
        for (const manifest::PortRule& rule : facts.port_rules) {
            const std::string where = ports_text(rule.first, rule.last);
            if (rule.first <= last || rule.last < rule.first) {
                bad(fmt::format("the port rules of `{}` are out of order or overlap at {}", facts.name, where), "ports",
                    "port " + address(rule.first));
            }
            if (rule.answer < manifest::PortAnswer::constant || rule.answer > manifest::PortAnswer::pit_gate) {
                bad(fmt::format("the rule of `{}` for ports {} has an unknown answer {}", facts.name, where,
                                static_cast<unsigned>(rule.answer)),
                    "port-answer", "port " + address(rule.first));
            }
            last = rule.last;
        }
        last = -1;
        for (const manifest::MsrRule& rule : facts.msr_rules) {
            if (static_cast<std::int64_t>(rule.first) <= last || rule.last < rule.first) {
                bad(fmt::format("the MSR rules of `{}` are out of order or overlap at {:#x}", facts.name, rule.first),
                    "msrs", "MSR " + address(rule.first));
            }
            for (const manifest::MsrAnswer answer : {rule.on_read, rule.on_write}) {
                if (answer > manifest::MsrAnswer::x2apic) {
                    bad(fmt::format("the rule of `{}` for MSR {:#x} has an unknown answer {}", facts.name, rule.first,
                                    static_cast<unsigned>(answer)),
                        "msr-answer", "MSR " + address(rule.first));
                }
            }
            last = rule.last;
        }
        for (std::size_t i = 1; i < facts.cpuid_rules.size(); ++i) {
            const manifest::CpuidRule& a = facts.cpuid_rules[i - 1];
            const manifest::CpuidRule& b = facts.cpuid_rules[i];
            const bool ordered = a.leaf < b.leaf || (a.leaf == b.leaf && a.subleaf < b.subleaf);
            const bool any = a.leaf == b.leaf &&
                             (a.subleaf == manifest::kCpuidAnySubleaf || b.subleaf == manifest::kCpuidAnySubleaf);
            if (!ordered || any) {
                bad(fmt::format("the CPUID rules of `{}` are out of order or answer leaf {:#x} twice", facts.name,
                                b.leaf),
                    "cpuid", fmt::format("CPUID leaf {:#x}", b.leaf));
            }
        }
    }
}

void check_complete(const Context& context, Judge& judge) {
    check_rules(context, judge);
    check_bits(context, judge, false, "exit.complete");
}

void check_tables(const Context& context, Judge& judge) {
    for (const Template& of : templates(*context.facts)) {
        const manifest::Partition& record = of.facts->record;
        struct Pointer {
            const char* name;
            std::uint64_t found;
            std::uint64_t expected;
        };
        for (const Pointer& pointer : {Pointer{"nested page tables", of.vmcb->nested_cr3, record.npt_root.value},
                                       Pointer{"I/O permission map", of.vmcb->iopm_base, record.iopm.value},
                                       Pointer{"MSR permission map", of.vmcb->msrpm_base, record.msrpm.value}}) {
            if (pointer.found != pointer.expected) {
                say(judge, of,
                    fmt::format("the {} CPU's VMCB template of `{}` has its {} at {}, expected {}", of.name,
                                of.facts->name, pointer.name, address(pointer.found), address(pointer.expected)),
                    pointer.name);
            }
        }
        if (!of.vmcb->np_enabled()) {
            say(judge, of,
                fmt::format("the {} CPU's VMCB template of `{}` leaves nested paging off", of.name, of.facts->name),
                "np");
        }
        if (of.facts->npt.root != record.npt_root.value) {
            judge.inconclusive(
                fmt::format("the nested tables of `{}` were not decoded from their root", of.facts->name));
        }
    }
    // One partition's tables are nobody else's.
    std::vector<std::pair<std::uint64_t, const PartitionFacts*>> roots;
    for (const PartitionFacts& facts : context.facts->partitions) {
        roots.emplace_back(facts.record.npt_root.value, &facts);
    }
    std::sort(roots.begin(), roots.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 1; i < roots.size(); ++i) {
        if (roots[i].first == roots[i - 1].first) {
            judge.violated({.message = fmt::format("`{}` and `{}` run on the same nested tables",
                                                   roots[i - 1].second->name, roots[i].second->name),
                            .partitions = {roots[i - 1].second->name, roots[i].second->name},
                            .key = "root",
                            .witness = "host-physical " + address(roots[i].first)});
        }
    }
}

constexpr std::uint64_t kGuestPat = 0x0007'0406'0007'0406; // the reset value (APM 2 §7.8.2)
constexpr std::uint64_t kEferSvme = 1ULL << 12;
constexpr std::uint64_t kEferAllowed = 0x1D01; // SVME, NXE, LMA, LME, SCE

void check_features(const Context& context, Judge& judge) {
    for (const Template& of : templates(*context.facts)) {
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
                say(judge, of,
                    fmt::format("the {} CPU's VMCB template of `{}` has {} = {:#x}, expected {:#x}", of.name,
                                of.facts->name, field.name, field.found, field.expected),
                    field.name);
            }
        }
        for (const Defect& defect : v.defects.kept()) {
            say(judge, of,
                fmt::format("{}: {}, expected {:#x}, found {:#x}", defect.what, decode::name(defect.kind),
                            defect.expected, defect.found),
                decode::name(defect.kind));
        }
    }
}

constexpr const char* kRebuild = "build the image anew; if it stays, the tables were not made from this model";

} // namespace

const Property kExitIntercepts{
    .id = "exit.intercepts",
    .title = "mandatory intercepts are set",
    .statement =
        "Both VMCB templates of every partition intercept NMI, INIT, SHUTDOWN, #DB, #AC, #MC, CPUID, port and MSR "
        "accesses, INVD, WBINVD, RSM, RDPMC, MONITOR, MWAIT and every instruction of SVM.",
    .level = Level::bytes,
    .rests_on = "the kernel, which only ever adds intercepts at run time; the processor's intercepts",
    .manual = "AMD APM volume 2 §15.7 to §15.14, appendix B",
    .mend = kRebuild,
    .bytes = check_intercepts,
};

const Property kExitComplete{
    .id = "exit.complete",
    .title = "every exit has an answer",
    .statement =
        "The templates intercept nothing that the kernel does not answer, and the rules for ports, MSRs and CPUID "
        "are in order, never answer one thing twice and hold only answers that exist. How the kernel acts on "
        "them is level `handler`, tested, not proved.",
    .level = Level::bytes,
    .rests_on = "the list of exits that the kernel's core answers",
    .manual = "AMD APM volume 2 appendix C; septum/manifest/manifest.hpp",
    .mend = kRebuild,
    .bytes = check_complete,
};

const Property kVmcbTables{
    .id = "vmcb.tables",
    .title = "each partition runs on its own tables",
    .statement = "Both VMCB templates of every partition turn nested paging on and point to the very page tables and "
                 "permission maps whose contents the other properties judge; no two partitions share page tables.",
    .level = Level::bytes,
    .rests_on = "the kernel, which copies the template and changes none of these pointers",
    .manual = "AMD APM volume 2 §15.25.3, appendix B",
    .mend = kRebuild,
    .bytes = check_tables,
};

const Property kVmcbFeatures{
    .id = "vmcb.features",
    .title = "no other feature of SVM is on",
    .statement =
        "The templates use no virtual interrupts, AVIC, LBR virtualisation, encryption, event injection or TSC "
        "offset; every byte that the format does not define is zero; the guest's EFER holds SVME as the "
        "processor asks and nothing unusual.",
    .level = Level::bytes,
    .rests_on = "the VMCB templates in the image, as decoded",
    .manual = "AMD APM volume 2 §15.5.1, appendix B",
    .mend = kRebuild,
    .bytes = check_features,
};

} // namespace septum::verifier
