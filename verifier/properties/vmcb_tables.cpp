// SPDX-License-Identifier: Apache-2.0
// vmcb.tables: each partition runs on its own tables.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/vmcb_templates.hpp"
#include "verifier/properties/shared/vmcb_word.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// The same for the solver: fields by their place (appendix B), and no root twice.
smt::Answer tables_by_solver(const Context& context, unsigned timeout) {
    Words words;
    Pieces roots;
    for (const PartitionFacts& facts : context.facts->partitions) {
        for (const decode::Vmcb* vmcb : {&facts.vmcb_boot, &facts.vmcb_ap}) {
            vmcb_word(words, *vmcb, 0x040, facts.record.iopm.value);
            vmcb_word(words, *vmcb, 0x048, facts.record.msrpm.value);
            vmcb_word(words, *vmcb, 0x090, 1, 1);
            vmcb_word(words, *vmcb, 0x0B0, facts.record.npt_root.value);
        }
        const std::uint64_t root = facts.record.npt_root.value;
        roots.push_back({root, root + 1, 0});
    }
    return smt::together({words.allowed("vmcb.tables: fields", timeout),
                          smt::never_twice("vmcb.tables: roots", std::move(roots), timeout)});
}

void check_tables(const Context& context, Judge& judge) {
    for (const VmcbTemplate& of : vmcb_templates(*context.facts)) {
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
                say_of(judge, of,
                       fmt::format("the {} CPU's VMCB template of `{}` has its {} at {}, expected {}", of.name,
                                   of.facts->name, pointer.name, address(pointer.found), address(pointer.expected)),
                       pointer.name);
            }
        }
        if (!of.vmcb->np_enabled()) {
            say_of(judge, of,
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
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return tables_by_solver(context, timeout); });
}

} // namespace

const Property kVmcbTables{
    .id = "vmcb.tables",
    .title = "each partition runs on its own tables",
    .statement = "Both VMCB templates of every partition turn nested paging on and point to the very page tables and "
                 "permission maps whose contents the other properties judge; no two partitions share page tables.",
    .level = Level::bytes,
    .rests_on = "the kernel, which copies the template and changes none of these pointers",
    .manual = "AMD APM volume 2 §15.25.3, appendix B",
    .mend = kNotFromThisModel,
    .bytes = check_tables,
};

} // namespace septum::verifier
