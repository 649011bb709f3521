// SPDX-License-Identifier: Apache-2.0
// msr.allowlist: dangerous MSRs exit, and are answered safely.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/msr_keys.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

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
        dangerous.push_back({msr_key(0, true, msr.first), msr_key(0, true, msr.last) + 1, i});
        if (msr.read) {
            dangerous.push_back({msr_key(0, false, msr.first), msr_key(0, false, msr.last) + 1, i});
        }
    }
    Pieces reach;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        const PartitionFacts& facts = context.facts->partitions[p];
        for (const bool write : {false, true}) {
            for (const decode::MsrInterval& msrs : write ? facts.msrpm.writes : facts.msrpm.reads) {
                reach.push_back({msr_key(0, write, msrs.first), msr_key(0, write, msrs.last) + 1, p});
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

} // namespace

const Property kMsrAllowlist{
    .id = "msr.allowlist",
    .title = "dangerous MSRs exit, and are answered safely",
    .statement =
        "No partition reaches, without an exit, a register that moves memory, SMM, the APIC or SVM, sends an "
        "interrupt, or writes the local vector table. Virtual EFER, APIC base and x2APIC stand where they belong and "
        "nowhere else, and EFER.SVME is not the guest's to write.",
    .level = Level::bytes,
    .rests_on = "the list in verifier/properties/msr_allowlist.cpp; the kernel's handler, which is tested, not proved",
    .manual = "AMD APM volume 2 §15.11, appendix A",
    .mend = kNotFromThisModel,
    .bytes = allowlist_bytes,
};

} // namespace septum::verifier
