// SPDX-License-Identifier: Apache-2.0
// mem.stack-guards: kernel stacks end in unmapped pages.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/kernel_tables.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void check_guards(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    Pieces mapped;
    for (const Interval& interval : facts.kernel.page_table.intervals) {
        mapped.push_back({interval.gpa, interval.gpa + interval.size, 0});
    }
    const Pieces wanted = kernel_guards(facts);
    const std::vector<Overlap> found = common(wanted, mapped);
    for (const Overlap& overlap : found) {
        judge.violated(
            {.message = fmt::format("the guard page {} of a kernel stack is mapped", range(overlap.first, overlap.end)),
             .witness = "virtual " + address(overlap.first)});
    }
    const Pieces workspace{{facts.kernel.workspace.base, facts.kernel.workspace.base + facts.kernel.workspace.size, 0}};
    for (const Piece& piece : without(wanted, workspace)) {
        judge.violated({.message = fmt::format("the guard page {} lies outside the kernel's workspace",
                                               range(piece.first, piece.end)),
                        .key = "outside",
                        .witness = "virtual " + address(piece.first)});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_both("mem.stack-guards", wanted, mapped, timeout); });
}

} // namespace

const Property kMemStackGuards{
    .id = "mem.stack-guards",
    .title = "kernel stacks end in unmapped pages",
    .statement =
        "The page below each CPU's stack and below each fault stack is not mapped by the kernel's page tables.",
    .level = Level::bytes,
    .rests_on = kKernelTablesRest,
    .manual = "AMD APM volume 2 §5.3",
    .mend = kKernelTablesMend,
    .bytes = check_guards,
};

} // namespace septum::verifier
