// SPDX-License-Identifier: Apache-2.0
// msr.outside-map: MSRs outside the map exit.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/msr_keys.hpp"
#include "verifier/properties/shared/vmcb_word.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// The same for the solver: the intercept's bit by its place, and rules with a virtual register.
smt::Answer outside_by_solver(const Context& context, const Pieces& map, unsigned timeout) {
    Words words;
    Pieces registers;
    for (const PartitionFacts& facts : context.facts->partitions) {
        vmcb_intercept(words, facts.vmcb_boot, decode::Intercept::msr_prot);
        vmcb_intercept(words, facts.vmcb_ap, decode::Intercept::msr_prot);
        for (const manifest::MsrRule& rule : facts.msr_rules) {
            if (std::max(rule.on_read, rule.on_write) > manifest::MsrAnswer::ignore) {
                registers.push_back({rule.first, static_cast<std::uint64_t>(rule.last) + 1, 0});
            }
        }
    }
    return smt::together({words.allowed("msr.outside-map: intercepts", timeout),
                          smt::within("msr.outside-map: virtual registers", registers, map, timeout)});
}

void outside_bytes(const Context& context, Judge& judge) {
    Pieces map;
    for (const decode::MsrRange& covered : decode::kMsrRanges) {
        map.push_back({covered.first, static_cast<std::uint64_t>(covered.last) + 1, 0});
    }
    for (const PartitionFacts& facts : context.facts->partitions) {
        for (const auto& [vmcb, which] : {std::pair{&facts.vmcb_boot, "boot"}, {&facts.vmcb_ap, "application"}}) {
            if (!vmcb->intercepted(decode::Intercept::msr_prot)) {
                judge.violated(
                    {.message = fmt::format("the {} CPU's VMCB template of `{}` does not intercept MSR accesses, so "
                                            "every MSR outside the map is reached",
                                            which, facts.name),
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
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return outside_by_solver(context, map, timeout); });
}

} // namespace

const Property kMsrOutsideMap{
    .id = "msr.outside-map",
    .title = "MSRs outside the map exit",
    .statement = "Every access to one of the MSRs that the permission map has no bit for exits, because MSR_PROT is "
                 "intercepted, and no rule gives such an MSR a virtual register.",
    .level = Level::bytes,
    .rests_on = "the processor, which exits for MSRs outside the map's ranges",
    .manual = "AMD APM volume 2 §15.11",
    .mend = kNotFromThisModel,
    .bytes = outside_bytes,
};

} // namespace septum::verifier
