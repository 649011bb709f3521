// SPDX-License-Identifier: Apache-2.0
// msr.exact: passed MSRs equal the declared ones.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/msr_keys.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void exact_bytes(const Context& context, Judge& judge) {
    Pieces actual;
    Pieces expected;
    std::vector<std::string> names;
    const auto add = [&](const PartitionFacts& facts, std::uint64_t index) {
        for (const bool write : {false, true}) {
            for (const decode::MsrInterval& msrs : write ? facts.msrpm.writes : facts.msrpm.reads) {
                actual.push_back({msr_key(index, write, msrs.first), msr_key(index, write, msrs.last) + 1, 1});
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
                    expected.push_back({msr_key(i, write, msr.first), msr_key(i, write, msr.last) + 1, 1});
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

} // namespace

const Property kMsrExact{
    .id = "msr.exact",
    .title = "passed MSRs equal the declared ones",
    .statement =
        "For every partition and every MSR: a read or a write does not exit exactly when it is on the list that the "
        "board's APIC mode allows.",
    .level = Level::bytes,
    .rests_on = "the MSR permission maps in the image, as decoded; the MSR_PROT intercept, shown by exit.intercepts",
    .manual = "AMD APM volume 2 §15.11",
    .mend = kNotFromThisModel,
    .bytes = exact_bytes,
};

} // namespace septum::verifier
