// SPDX-License-Identifier: Apache-2.0
// Page-table entries hold nothing but what the manual defines.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void reserved_bits(const Context& context, Judge& judge) {
    const auto report = [&](const decode::PageTable& table, const std::string& partition) {
        for (const Defect& defect : table.defects.kept()) {
            Said said;
            said.message = fmt::format("{}: {}, expected {}, found {}", defect.what, decode::name(defect.kind),
                                       address(defect.expected), address(defect.found));
            if (!partition.empty()) {
                said.partitions.push_back(partition);
            }
            said.key = decode::name(defect.kind);
            said.witness = "host-physical " + address(defect.address);
            judge.violated(std::move(said));
        }
        if (table.defects.total() > table.defects.kept().size()) {
            judge.violated({.message = fmt::format("{} more entries are malformed",
                                                   table.defects.total() - table.defects.kept().size()),
                            .key = "more"});
        }
    };
    for (const PartitionFacts& partition : context.facts->partitions) {
        report(partition.npt, partition.name);
    }
    report(context.facts->kernel.page_table, "");
}

} // namespace

const Property kMemReservedBits{
    .id = "mem.reserved-bits",
    .title = "page-table entries are well-formed",
    .statement = "No entry of any nested or kernel page table has a reserved bit set, none points outside the sealed "
                 "tables or twice at one table, each has U/S as its kind of table needs it, and accessed and dirty are "
                 "preset so that the processor never writes to the sealed tables.",
    .level = Level::bytes,
    .rests_on = "the board's physical address width, which the kernel compares with CPUID",
    .manual = "AMD APM volume 2 §5.3, §5.4, §15.25.5",
    .mend = kImageAltered,
    .bytes = reserved_bits,
};

} // namespace septum::verifier
