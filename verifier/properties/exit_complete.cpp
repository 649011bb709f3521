// SPDX-License-Identifier: Apache-2.0
// exit.complete: every exit has an answer.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/vmcb_templates.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

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
    check_intercept_bits(context, judge, false, "exit.complete");
}

} // namespace

const Property kExitComplete{
    .id = "exit.complete",
    .title = "every exit has an answer",
    .statement =
        "The templates intercept nothing that the kernel does not answer, and the rules for ports, MSRs and CPUID are "
        "in order, never answer one thing twice and hold only answers that exist. How the kernel acts on them is "
        "level `handler`, tested, not proved.",
    .level = Level::bytes,
    .rests_on = "the list of exits that the kernel's core answers",
    .manual = "AMD APM volume 2 appendix C; septum/manifest/manifest.hpp",
    .mend = kNotFromThisModel,
    .bytes = check_complete,
};

} // namespace septum::verifier
