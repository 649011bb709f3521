// SPDX-License-Identifier: Apache-2.0
// mem.wx: no kernel page is writable and executable.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/kernel_tables.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void check_wx(const Context& context, Judge& judge) {
    Pieces writable;
    Pieces executable;
    bool holds = true;
    for (const Interval& interval : context.facts->kernel.page_table.intervals) {
        // By host address: two mappings of one page must not add up to both rights either.
        if ((interval.access & kWrite) != 0) {
            writable.push_back({interval.hpa, interval.hpa + interval.size, interval.gpa});
        }
        if ((interval.access & kExecute) != 0) {
            executable.push_back({interval.hpa, interval.hpa + interval.size, interval.gpa});
        }
    }
    for (const Overlap& overlap : common(writable, executable)) {
        holds = false;
        judge.violated({.message = fmt::format("the kernel maps {} both writable and executable",
                                               range(overlap.first, overlap.end)),
                        .witness = "host-physical " + address(overlap.first)});
    }
    for (const decode::ElfSegment& segment : context.facts->kernel.elf.segments) {
        if (!segment.boot_only && (segment.flags & decode::kElfWrite) != 0 &&
            (segment.flags & decode::kElfExecute) != 0) {
            judge.violated({.message = fmt::format("the kernel's segment at {} asks for both write and execute",
                                                   address(segment.virtual_address)),
                            .key = "segment",
                            .witness = "virtual " + address(segment.virtual_address)});
        }
    }
    judge.solver_agrees(holds,
                        [&](unsigned timeout) { return smt::never_both("mem.wx", writable, executable, timeout); });
}

} // namespace

const Property kMemWx{
    .id = "mem.wx",
    .title = "no kernel page is writable and executable",
    .statement =
        "After launch no byte of memory is mapped writable by one kernel mapping and executable by the same or "
        "another.",
    .level = Level::bytes,
    .rests_on = kKernelTablesRest,
    .manual = "AMD APM volume 2 §5.6.1, §5.6.3",
    .mend = kKernelTablesMend,
    .bytes = check_wx,
};

} // namespace septum::verifier
