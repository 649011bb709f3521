// SPDX-License-Identifier: Apache-2.0
// Model-specific registers: what passes, what the kernel answers, what lies outside the permission map.
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// One key for all partitions: number, read or write, MSR.
constexpr unsigned kMsrBits = 32;
constexpr unsigned kPartitionShift = kMsrBits + 1;

std::uint64_t key(std::uint64_t partition, bool write, std::uint64_t msr) {
    return partition << kPartitionShift | static_cast<std::uint64_t>(write) << kMsrBits | msr;
}

std::string msr_text(std::uint64_t first, std::uint64_t last) {
    return first == last ? fmt::format("{:#x}", first) : fmt::format("{:#x}..{:#x}", first, last);
}

void exact_bytes(const Context& context, Judge& judge) {
    Pieces actual;
    Pieces expected;
    std::vector<std::string> names;
    const auto add = [&](const PartitionFacts& facts, std::uint64_t index) {
        for (const bool write : {false, true}) {
            for (const decode::MsrInterval& msrs : write ? facts.msrpm.writes : facts.msrpm.reads) {
                actual.push_back({key(index, write, msrs.first), key(index, write, msrs.last) + 1, 1});
            }
        }
        if (!facts.msrpm.readable) {
            judge.violated({.message = fmt::format("the MSR permission map of `{}` can't be read", facts.name),
                            .partitions = {facts.name},
                            .key = "unreadable",
                            .witness = "host-physical " + address(facts.record.msrpm.value)});
        }
        for (const Defect& defect : facts.msrpm.defects.kept()) {
            judge.violated(
                {.message = fmt::format("{}: {}, expected {}, found {}", defect.what, decode::name(defect.kind),
                                        address(defect.expected), address(defect.found)),
                 .partitions = {facts.name},
                 .key = decode::name(defect.kind),
                 .witness = "host-physical " + address(defect.address)});
        }
    };
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        names.push_back(context.model.partitions[i].name.value);
        if (context.places->partitions[i].facts == nullptr) {
            continue;
        }
        add(*context.places->partitions[i].facts, i);
        for (const PassedMsr& msr : context.declared.msrs) {
            for (const bool write : {false, true}) {
                if (write ? msr.write : msr.read) {
                    expected.push_back({key(i, write, msr.first), key(i, write, msr.last) + 1, 1});
                }
            }
        }
    }
    for (const PartitionFacts* facts : context.places->undeclared) {
        add(*facts, names.size());
        names.push_back(facts->name);
    }
    judge.rests_on(context.model.board.apic.span);
    expected = united(std::move(expected), 1);
    const std::vector<Difference> found = differences(joined(actual), expected);
    for (const Difference& difference : found) {
        const std::uint64_t index = difference.first >> kPartitionShift;
        const bool write = (difference.first >> kMsrBits & 1) != 0;
        const std::uint64_t first = difference.first & 0xFFFF'FFFF;
        const std::uint64_t last = (difference.end - 1) & 0xFFFF'FFFF;
        const bool extra = difference.right == kAbsent;
        judge.violated({.message = fmt::format(
                            "`{}` {} MSR {} {}", names[index], write ? "writes" : "reads", msr_text(first, last),
                            extra ? "without an exit, which nothing grants" : "by an exit, expected without"),
                        .partitions = {names[index]},
                        .key = fmt::format("{}{:x}", write ? "w" : "r", first),
                        .witness = fmt::format("{} MSR {:#x}", write ? "write of" : "read of", first),
                        .primary = index < context.model.partitions.size() ? context.model.partitions[index].name.span
                                                                           : config::Span{}});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("msr.exact", sorted(actual), expected, false, timeout);
    });
}

// Registers by which a guest could reach past its partition. `read`: reading is dangerous too.
struct DangerousMsr {
    std::uint32_t first;
    std::uint32_t last; // inclusive
    const char* why;
    bool read = false;
};
constexpr DangerousMsr kDangerous[] = {
    {0x0000'001B, 0x0000'001B, "the local APIC's place and mode", true},
    {0x0000'0079, 0x0000'0079, "the microcode loader"},
    {0x0000'008B, 0x0000'008B, "the microcode revision"},
    {0x0000'009B, 0x0000'009B, "SMM monitor control"},
    {0x0000'009E, 0x0000'009E, "SMBASE"},
    {0x0000'0200, 0x0000'0276, "the memory type ranges"},
    {0x0000'0278, 0x0000'02FF, "the memory type ranges"},
    {0x0000'0830, 0x0000'0830, "the interrupt command register"},
    {0x0000'0832, 0x0000'0837, "the local vector table"},
    {0xC000'0080, 0xC000'0080, "EFER", true},
    {0xC001'0010, 0xC001'0010, "SYSCFG, which encrypts memory and moves the range registers"},
    {0xC001'0015, 0xC001'0015, "HWCR"},
    {0xC001'0016, 0xC001'001D, "the I/O range and top-of-memory registers"},
    {0xC001'0020, 0xC001'0020, "the microcode loader"},
    {0xC001'0058, 0xC001'0058, "the place of PCI configuration space"},
    {0xC001'0111, 0xC001'0113, "SMM's place"},
    {0xC001'0114, 0xC001'0118, "SVM's control registers", true},
    {0xC001'011A, 0xC001'011A, "a key of SVM"},
    {0xC001'0130, 0xC001'0132, "SEV's registers", true},
};

bool overlaps_range(std::uint32_t a, std::uint32_t b, std::uint32_t first, std::uint32_t last) {
    return a <= last && first <= b;
}

constexpr std::uint64_t kEferGuestBits = 0xD01; // SCE, LME, LMA, NXE: SVME stays the kernel's
constexpr std::uint32_t kEfer = 0xC000'0080;
constexpr std::uint32_t kApicBase = 0x1B;
constexpr std::uint32_t kX2apicFirst = 0x800;
constexpr std::uint32_t kX2apicLast = 0x8FF;

struct Expected {
    std::uint32_t first;
    std::uint32_t last;
    manifest::MsrAnswer answer; // for reads and writes
    const char* what;
};
constexpr Expected kVirtual[] = {
    {kApicBase, kApicBase, manifest::MsrAnswer::apic_base, "the virtual APIC base"},
    {kX2apicFirst, kX2apicLast, manifest::MsrAnswer::x2apic, "the virtual x2APIC"},
    {kEfer, kEfer, manifest::MsrAnswer::efer, "the virtual EFER"},
};

// A rule by itself: an answer that is meant for one register stands only there.
void judge_rule(Judge& judge, const std::string& name, const manifest::MsrRule& rule) {
    using enum manifest::MsrAnswer;
    const auto say = [&](std::string message, const char* rule_key) {
        judge.violated({.message = std::move(message),
                        .partitions = {name},
                        .key = fmt::format("{}{:x}", rule_key, rule.first),
                        .witness = fmt::format("MSR {:#x}", rule.first)});
    };
    const std::string where = msr_text(rule.first, rule.last);
    for (const Expected& expected : kVirtual) {
        const bool here = rule.first == expected.first && rule.last == expected.last;
        for (const manifest::MsrAnswer answer : {rule.on_read, rule.on_write}) {
            if ((answer == expected.answer) != here) {
                say(here ? fmt::format("`{}` does not find {} at MSR {}", name, expected.what, where)
                         : fmt::format("`{}` finds {} at MSR {}, expected only at {}", name, expected.what, where,
                                       msr_text(expected.first, expected.last)),
                    "virtual");
                return;
            }
        }
    }
    if (rule.on_read == ignore || rule.on_write == constant) {
        say(fmt::format("the rule of `{}` for MSR {} answers a read as a write or the other way round", name, where),
            "mixed");
    }
    if (rule.first == kEfer && (rule.value & ~kEferGuestBits) != 0) {
        say(fmt::format("`{}` may write bits {:#x} of EFER, expected at most {:#x}", name, rule.value, kEferGuestBits),
            "efer");
    }
}

void allowlist_bytes(const Context& context, Judge& judge) {
    Pieces dangerous; // reads below, writes above
    for (std::size_t i = 0; i < std::size(kDangerous); ++i) {
        const DangerousMsr& msr = kDangerous[i];
        dangerous.push_back({key(0, true, msr.first), key(0, true, msr.last) + 1, i});
        if (msr.read) {
            dangerous.push_back({key(0, false, msr.first), key(0, false, msr.last) + 1, i});
        }
    }
    Pieces reach;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        const PartitionFacts& facts = context.facts->partitions[p];
        for (const bool write : {false, true}) {
            for (const decode::MsrInterval& msrs : write ? facts.msrpm.writes : facts.msrpm.reads) {
                reach.push_back({key(0, write, msrs.first), key(0, write, msrs.last) + 1, p});
            }
        }
        for (const manifest::MsrRule& rule : facts.msr_rules) {
            judge_rule(judge, facts.name, rule);
        }
        for (const Expected& expected : kVirtual) {
            const bool given = std::any_of(facts.msr_rules.begin(), facts.msr_rules.end(), [&](const auto& rule) {
                return overlaps_range(rule.first, rule.last, expected.first, expected.last);
            });
            if (!given) {
                judge.violated({.message = fmt::format("`{}` lacks {} at MSR {}", facts.name, expected.what,
                                                       msr_text(expected.first, expected.last)),
                                .partitions = {facts.name},
                                .key = fmt::format("lacks{:x}", expected.first),
                                .witness = fmt::format("MSR {:#x}", expected.first)});
            }
        }
    }
    const std::vector<Overlap> found = common(dangerous, reach);
    for (const Overlap& overlap : found) {
        const std::string& name = context.facts->partitions[overlap.later].name;
        const bool write = (overlap.first >> kMsrBits & 1) != 0;
        judge.violated({.message = fmt::format("`{}` {} MSR {} without an exit: {}", name, write ? "writes" : "reads",
                                               msr_text(overlap.first & 0xFFFF'FFFF, (overlap.end - 1) & 0xFFFF'FFFF),
                                               kDangerous[overlap.earlier].why),
                        .partitions = {name},
                        .key = fmt::format("{}{:x}", write ? "w" : "r", overlap.first & 0xFFFF'FFFF),
                        .witness = fmt::format("MSR {:#x}", overlap.first & 0xFFFF'FFFF)});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_both("msr.allowlist", dangerous, united(reach), timeout);
    });
}

void outside_bytes(const Context& context, Judge& judge) {
    Pieces map;
    for (const decode::MsrRange& covered : decode::kMsrRanges) {
        map.push_back({covered.first, static_cast<std::uint64_t>(covered.last) + 1, 0});
    }
    for (const PartitionFacts& facts : context.facts->partitions) {
        for (const decode::Vmcb* vmcb : {&facts.vmcb_boot, &facts.vmcb_ap}) {
            if (!vmcb->intercepted(decode::Intercept::msr_prot)) {
                judge.violated(
                    {.message = fmt::format("a VMCB template of `{}` does not intercept MSR accesses, so every "
                                            "MSR outside the map is reached",
                                            facts.name),
                     .partitions = {facts.name},
                     .key = "intercept",
                     .witness = "host-physical " + address(vmcb->address)});
            }
        }
        Pieces rules;
        for (const manifest::MsrRule& rule : facts.msr_rules) {
            rules.push_back(
                {rule.first, static_cast<std::uint64_t>(rule.last) + 1,
                 static_cast<std::uint64_t>(rule.on_read) << 8 | static_cast<std::uint64_t>(rule.on_write)});
        }
        for (const Piece& piece : without(rules, map)) {
            for (const std::uint64_t answer : {piece.value >> 8, piece.value & 0xFF}) {
                if (answer > static_cast<std::uint64_t>(manifest::MsrAnswer::ignore)) {
                    judge.violated({.message = fmt::format("`{}` finds a virtual register at MSR {}, outside the map",
                                                           facts.name, msr_text(piece.first, piece.end - 1)),
                                    .partitions = {facts.name},
                                    .key = fmt::format("rule{:x}", piece.first),
                                    .witness = fmt::format("MSR {:#x}", piece.first)});
                    break;
                }
            }
        }
    }
}

constexpr const char* kRebuild = "build the image anew; if it stays, the tables were not made from this model";

} // namespace

const Property kMsrExact{
    .id = "msr.exact",
    .title = "passed MSRs equal the declared ones",
    .statement =
        "For every partition and every MSR: a read or a write does not exit exactly when it is on the list that "
        "the board's APIC mode allows.",
    .level = Level::bytes,
    .rests_on = "the MSR permission maps in the image, as decoded; the MSR_PROT intercept, shown by exit.intercepts",
    .manual = "AMD APM volume 2 §15.11",
    .mend = kRebuild,
    .bytes = exact_bytes,
};

const Property kMsrAllowlist{
    .id = "msr.allowlist",
    .title = "dangerous MSRs exit, and are answered safely",
    .statement =
        "No partition reaches, without an exit, a register that moves memory, SMM, the APIC or SVM, sends an "
        "interrupt, or writes the local vector table. Virtual EFER, APIC base and x2APIC stand where they belong "
        "and nowhere else, and EFER.SVME is not the guest's to write.",
    .level = Level::bytes,
    .rests_on = "the list in verifier/properties/msrs.cpp; the kernel's handler, which is tested, not proved",
    .manual = "AMD APM volume 2 §15.11, appendix A",
    .mend = kRebuild,
    .bytes = allowlist_bytes,
};

const Property kMsrOutsideMap{
    .id = "msr.outside-map",
    .title = "MSRs outside the map exit",
    .statement = "Every access to one of the MSRs that the permission map has no bit for exits, because MSR_PROT is "
                 "intercepted, and no rule gives such an MSR a virtual register.",
    .level = Level::bytes,
    .rests_on = "the processor, which exits for MSRs outside the map's ranges",
    .manual = "AMD APM volume 2 §15.11",
    .mend = kRebuild,
    .bytes = outside_bytes,
};

} // namespace septum::verifier
