// SPDX-License-Identifier: Apache-2.0
// What CPUID tells a guest: nothing that it must not use, by the masks and sets of the manifest's rules.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/vmcb_word.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr int kEax = 0;
constexpr int kEbx = 1;
constexpr int kEcx = 2;
constexpr int kEdx = 3;
constexpr const char* kRegisters[] = {"EAX", "EBX", "ECX", "EDX"};

constexpr std::uint32_t kBankCount = 0x179; // MCG_CAP

constexpr std::uint32_t bit(unsigned n) {
    return 1U << n;
}

// Bits that no rule may let through, because the kernel keeps the feature for itself or intercepts it.
struct Hidden {
    std::uint32_t leaf;
    std::uint32_t subleaf; // kCpuidAnySubleaf: every one
    int reg;
    std::uint32_t bits;
    const char* what;
};

constexpr std::uint32_t kAny = manifest::kCpuidAnySubleaf;
constexpr Hidden kHidden[] = {
    {0x1, kAny, kEcx, bit(3), "MONITOR/MWAIT"},
    {0x1, kAny, kEcx, bit(5), "VMX"},
    {0x1, kAny, kEcx, bit(6), "SMX"},
    {0x1, kAny, kEcx, bit(15), "performance capabilities"},
    {0x1, kAny, kEcx, bit(18), "direct cache access"},
    {0x1, kAny, kEcx, bit(24), "the TSC deadline timer"},
    {0x1, kAny, kEdx, bit(21), "the debug store"},
    {0x1, kAny, kEdx, bit(22) | bit(29), "thermal control"},
    {0x5, kAny, kEax, ~0U, "MWAIT's parameters"},
    {0x5, kAny, kEbx, ~0U, "MWAIT's parameters"},
    {0x5, kAny, kEcx, ~0U, "MWAIT's parameters"},
    {0x5, kAny, kEdx, ~0U, "MWAIT's parameters"},
    {0x6, kAny, kEax, ~bit(2), "power management other than ARAT"},
    {0x6, kAny, kEcx, ~0U, "power management"},
    {0x7, 0, kEbx, bit(2), "SGX"},
    {0x7, 0, kEbx, bit(12) | bit(15), "cache monitoring and allocation"},
    {0x7, 0, kEbx, bit(25), "processor trace"},
    {0x7, 0, kEcx, bit(5), "UMWAIT"},
    {0x7, 0, kEcx, bit(13), "memory encryption"},
    {0x7, 0, kEdx, bit(18), "PCONFIG"},
    {0xA, kAny, kEax, ~0U, "performance counters"},
    {0xA, kAny, kEbx, ~0U, "performance counters"},
    {0xA, kAny, kEcx, ~0U, "performance counters"},
    {0xA, kAny, kEdx, ~0U, "performance counters"},
    {0xF, kAny, kEdx, ~0U, "cache monitoring"},
    {0x10, kAny, kEbx, ~0U, "cache allocation"},
    {0x12, kAny, kEax, ~0U, "SGX"},
    {0x14, kAny, kEax, ~0U, "processor trace"},
    {0x8000'0001, kAny, kEcx, bit(2), "SVM"},
    {0x8000'0001, kAny, kEcx, bit(10), "instruction sampling"},
    {0x8000'0001, kAny, kEcx, bit(12), "SKINIT"},
    {0x8000'0001, kAny, kEcx, bit(13), "the watchdog"},
    {0x8000'0001, kAny, kEcx, bit(15), "lightweight profiling"},
    {0x8000'0001, kAny, kEcx, bit(23) | bit(24) | bit(28), "performance counters"},
    {0x8000'0001, kAny, kEcx, bit(29), "MONITORX/MWAITX"},
    {0x8000'0007, kAny, kEdx, ~bit(8), "power management other than the invariant TSC"},
    {0x8000'0008, kAny, kEbx, bit(3), "INVLPGB"},
    {0x8000'0008, kAny, kEbx, bit(4), "RDPRU"},
    {0x8000'0008, kAny, kEbx, bit(8), "MCOMMIT"},
    {0x8000'000A, kAny, kEax, ~0U, "SVM's features"},
    {0x8000'000A, kAny, kEbx, ~0U, "SVM's features"},
    {0x8000'000A, kAny, kEcx, ~0U, "SVM's features"},
    {0x8000'000A, kAny, kEdx, ~0U, "SVM's features"},
    {0x8000'001B, kAny, kEax, ~0U, "instruction sampling"},
    {0x8000'001C, kAny, kEax, ~0U, "lightweight profiling"},
    {0x8000'001F, kAny, kEax, ~0U, "memory encryption"},
};

// Leaves that may show something of the processor; of all others a guest sees constants, so that a leaf that does not
// exist yet shows nothing: names and features (0, 1, 7, 0x8000'0000 to 4), caches (2, 4, 0x8000'0005, 6), the extended
// state (0xD), power management and address sizes (0x8000'0007, 8). 6 is there for the one bit that kHidden leaves.
bool may_show(std::uint32_t leaf) {
    constexpr std::uint32_t kPlain[] = {0x0, 0x1, 0x2, 0x4, 0x6, 0x7, 0xD};
    return std::find(std::begin(kPlain), std::end(kPlain), leaf) != std::end(kPlain) ||
           (leaf >= 0x8000'0000 && leaf <= 0x8000'0008);
}

// Machine checks are the kernel's. A guest may be shown their architecture, since stock kernels want it, but no bank:
// MCG_CAP reads zero, and neither it nor the banks from 0x400 on can be written (AMD APM volume 2 §9.3).
bool shows_machine_checks(const PartitionFacts& facts) {
    return std::any_of(facts.cpuid_rules.begin(), facts.cpuid_rules.end(), [](const manifest::CpuidRule& rule) {
        return (rule.leaf == 1 || rule.leaf == 0x8000'0001) &&
               ((rule.mask[kEdx] | rule.set[kEdx]) & (bit(7) | bit(14))) != 0;
    });
}

bool has_no_banks(const PartitionFacts& facts) {
    return std::any_of(facts.msr_rules.begin(), facts.msr_rules.end(), [](const manifest::MsrRule& rule) {
        return rule.first <= kBankCount && kBankCount <= rule.last && rule.on_read == manifest::MsrAnswer::constant &&
               rule.value == 0 && rule.on_write <= manifest::MsrAnswer::ignore;
    });
}

// Bits that a guest must see, lest it touch what it has not.
constexpr Hidden kShown[] = {
    {0x1, kAny, kEcx, bit(31), "that a hypervisor is there"},
    {0x1, kAny, kEcx, bit(21), "x2APIC"},
};

bool in_a_window(std::uint32_t leaf) {
    return leaf <= 0x1F || (leaf >= 0x4000'0000 && leaf <= 0x4000'001F) || (leaf >= 0x8000'0000 && leaf <= 0x8000'001F);
}

constexpr std::uint32_t kKnownPatches =
    manifest::kPatchApicIdEbx | manifest::kPatchApicIdEdx | manifest::kPatchOsxsave | manifest::kPatchApicIdEax;

void judge_partition(Judge& judge, const PartitionFacts& facts, const config::Span& span) {
    const auto say = [&](std::string message, std::string key, std::uint32_t leaf) {
        judge.violated({.message = std::move(message),
                        .partitions = {facts.name},
                        .key = std::move(key),
                        .witness = fmt::format("CPUID leaf {:#x}", leaf),
                        .primary = span});
    };
    for (const manifest::CpuidRule& rule : facts.cpuid_rules) {
        for (const Hidden& hidden : kHidden) {
            const bool meets = rule.leaf == hidden.leaf &&
                               (rule.subleaf == hidden.subleaf || hidden.subleaf == kAny || rule.subleaf == kAny);
            const std::uint32_t through = (rule.mask[hidden.reg] | rule.set[hidden.reg]) & hidden.bits;
            if (meets && through != 0) {
                say(fmt::format("`{}` may see {} in CPUID {:#x} {} (bits {:#x})", facts.name, hidden.what, rule.leaf,
                                kRegisters[hidden.reg], through),
                    fmt::format("{:x}:{}:{}", rule.leaf, kRegisters[hidden.reg], hidden.what), rule.leaf);
            }
        }
        if (!in_a_window(rule.leaf)) {
            say(fmt::format("`{}` has a rule for CPUID {:#x}, outside the leaves that the kernel answers", facts.name,
                            rule.leaf),
                fmt::format("{:x}:window", rule.leaf), rule.leaf);
        }
        if ((rule.patch & ~kKnownPatches) != 0) {
            say(fmt::format("the rule of `{}` for CPUID {:#x} asks for unknown patches {:#x}", facts.name, rule.leaf,
                            rule.patch),
                fmt::format("{:x}:patch", rule.leaf), rule.leaf);
        }
        // Above all what a hypervisor says is ours alone: nothing of a machine that itself is virtual shines through.
        if (!may_show(rule.leaf) &&
            std::any_of(std::begin(rule.mask), std::end(rule.mask), [](std::uint32_t mask) { return mask != 0; })) {
            say(fmt::format("`{}` sees the machine's own answer in CPUID {:#x}", facts.name, rule.leaf),
                fmt::format("{:x}:hardware", rule.leaf), rule.leaf);
        }
    }
    if (shows_machine_checks(facts) && !has_no_banks(facts)) {
        say(fmt::format("`{}` may see machine checks, and MSR {:#x} does not say that there are no banks", facts.name,
                        kBankCount),
            "1:banks", 1);
    }
    for (const Hidden& shown : kShown) {
        const bool given = std::any_of(facts.cpuid_rules.begin(), facts.cpuid_rules.end(), [&](const auto& rule) {
            return rule.leaf == shown.leaf && (rule.set[shown.reg] & shown.bits) == shown.bits;
        });
        if (!given) {
            say(fmt::format("`{}` is not told {} in CPUID {:#x} {}", facts.name, shown.what, shown.leaf,
                            kRegisters[shown.reg]),
                fmt::format("{:x}:shown:{}", shown.leaf, shown.bits), shown.leaf);
        }
    }
}

// The same for the solver: whatever the processor says, no register shows a hidden bit; and words of the rules.
smt::Answer by_solver(const Context& context, unsigned timeout) {
    std::vector<smt::CpuidBits> hidden;
    for (const Hidden& each : kHidden) {
        hidden.push_back({each.leaf, each.subleaf, static_cast<std::uint32_t>(each.reg), each.bits});
    }
    std::set<smt::CpuidWord> registers; // of all partitions: most have the same
    Words words;
    Pieces leaves;
    for (const PartitionFacts& facts : context.facts->partitions) {
        std::uint32_t leaf1_ecx = 0; // set, by all rules of leaf 1
        std::uint32_t machine_checks = 0;
        for (const manifest::CpuidRule& rule : facts.cpuid_rules) {
            leaves.push_back({rule.leaf, rule.leaf + 1ULL, 0});
            words.none_of(rule.patch, ~std::uint64_t{kKnownPatches});
            for (std::uint32_t i = 0; i < 4; ++i) {
                registers.insert({rule.leaf, rule.subleaf, i, rule.mask[i], rule.set[i]});
                if (!may_show(rule.leaf)) {
                    words.is(rule.mask[i], 0);
                }
            }
            leaf1_ecx |= rule.leaf == 1 ? rule.set[kEcx] : 0;
            machine_checks |= (rule.leaf & 0x7FFF'FFFF) == 1 ? (rule.mask[kEdx] | rule.set[kEdx]) & 0x4080 : 0;
        }
        words.is(leaf1_ecx, bit(21) | bit(31), bit(21) | bit(31));
        if (machine_checks != 0) {
            const auto bankless =
                std::count_if(facts.msr_rules.begin(), facts.msr_rules.end(), [](const manifest::MsrRule& rule) {
                    return rule.last >= kBankCount && rule.first <= kBankCount && rule.value == 0 &&
                           rule.on_read == manifest::MsrAnswer::constant &&
                           rule.on_write <= manifest::MsrAnswer::ignore;
                });
            words.between(static_cast<std::uint64_t>(bankless), 1, facts.msr_rules.size());
        }
        vmcb_intercept(words, facts.vmcb_boot, decode::Intercept::cpuid);
        vmcb_intercept(words, facts.vmcb_ap, decode::Intercept::cpuid);
    }
    const Pieces windows{{0, 0x20, 0}, {0x4000'0000, 0x4000'0020, 0}, {0x8000'0000, 0x8000'0020, 0}};
    return smt::together(
        {smt::never_shown("cpuid.filtered: registers", {registers.begin(), registers.end()}, hidden, kAny, timeout),
         words.allowed("cpuid.filtered: rules", timeout),
         smt::within("cpuid.filtered: leaves", united(std::move(leaves)), windows, timeout)});
}

void check(const Context& context, Judge& judge) {
    for (const PartitionFacts& facts : context.facts->partitions) {
        config::Span span;
        for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
            if (context.places->partitions[i].facts == &facts) {
                span = context.model.partitions[i].name.span;
            }
        }
        judge_partition(judge, facts, span);
        for (const auto& [vmcb, which] : {std::pair{&facts.vmcb_boot, "boot"}, {&facts.vmcb_ap, "application"}}) {
            if (!vmcb->intercepted(decode::Intercept::cpuid)) {
                judge.violated({.message = fmt::format("the {} CPU's VMCB template of `{}` does not intercept CPUID",
                                                       which, facts.name),
                                .partitions = {facts.name},
                                .key = "intercept",
                                .witness = "host-physical " + address(vmcb->address)});
            }
        }
    }
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return by_solver(context, timeout); });
}

} // namespace

const Property kCpuidFiltered{
    .id = "cpuid.filtered",
    .title = "CPUID shows only what a partition may use",
    .statement =
        "Whatever the processor says, the manifest's masks and sets let no partition see SVM, VMX, SGX, MWAIT, the "
        "TSC deadline timer, performance counters, memory type ranges, memory encryption or cache allocation; leaves "
        "that are not known to be harmless are constants; of machine checks at most the architecture, without a bank; "
        "each sees a hypervisor and x2APIC; CPUID is intercepted.",
    .level = Level::bytes,
    .rests_on = "the kernel's computation of the answers at boot, which is tested, not proved; leaves without a rule "
                "answer zeros",
    .manual = "AMD APM volume 3 appendix E; septum/manifest/manifest.hpp: CpuidRule",
    .mend = "build the image anew; if it stays, the manifest's CPUID rules show too much",
    .bytes = check,
};

} // namespace septum::verifier
