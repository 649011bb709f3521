// SPDX-License-Identifier: Apache-2.0
// The sealed tables decide everything else, so nobody reaches them and each structure has its own pages.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// Every page that a hardware structure occupies, wherever it lies.
struct TablePage {
    std::uint64_t page;
    std::string owner; // "`vault`", "the kernel"
};

std::vector<TablePage> table_pages(const Facts& facts) {
    std::vector<TablePage> out;
    for (const PartitionFacts& partition : facts.partitions) {
        for (const std::uint64_t page : partition.table_pages) {
            out.push_back({page, ticked(partition.name)});
        }
    }
    const auto add = [&](const std::vector<std::uint64_t>& pages, const char* owner) {
        for (const std::uint64_t page : pages) {
            out.push_back({page, owner});
        }
    };
    add(facts.kernel.page_table.tables, "the kernel");
    add(facts.devices.dma.tables, "the IOMMU");
    add(facts.devices.interrupt_pages, "the IOMMU's interrupt remapping");
    return out;
}

void tables_private(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    const PlaceRange& sealed = facts.bundle.tables;
    const std::vector<TablePage> pages = table_pages(facts);
    Pieces tables{{sealed.base, sealed.base + sealed.size, 0}};
    for (const TablePage& page : pages) {
        if (page.page < sealed.base || page.page + kPageSize > sealed.base + sealed.size) {
            judge.violated({.message = fmt::format("a table of {} lies at {}, outside the sealed tables {}", page.owner,
                                                   address(page.page), range(sealed.base, sealed.base + sealed.size)),
                            .key = "outside:" + page.owner,
                            .witness = "host-physical " + address(page.page)});
        }
        tables.push_back({page.page, page.page + kPageSize, 0});
    }
    tables = united(std::move(tables));
    for (const SharedTable& shared : facts.shared_tables) {
        judge.violated(
            {.message = fmt::format("{} and {} use the same page of the sealed tables", shared.first, shared.second),
             .key = "shared:" + shared.first + ":" + shared.second,
             .witness = "host-physical " + address(shared.page)});
    }
    Pieces reach;
    for (std::size_t p = 0; p < facts.partitions.size(); ++p) {
        for (const Interval& interval : facts.partitions[p].reach_by_host) {
            reach.push_back({interval.hpa, interval.hpa + interval.size, p});
        }
    }
    const std::vector<Overlap> found = common(tables, reach);
    for (const Overlap& overlap : found) {
        const std::string& name = facts.partitions[overlap.later].name;
        judge.violated({.message = fmt::format("in the image `{}` reaches {} of the sealed tables", name,
                                               range(overlap.first, overlap.end)),
                        .partitions = {name},
                        .witness = "host-physical " + address(overlap.first)});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_both("mem.tables-private", tables, united(reach), timeout);
    });
}

} // namespace

const Property kMemTablesPrivate{
    .id = "mem.tables-private",
    .title = "nobody reaches the tables",
    .statement =
        "Every nested page table, permission map, VMCB template, IOMMU table and kernel page table lies in the sealed "
        "tables, no two structures share a page, and no partition reaches any of it.",
    .level = Level::bytes,
    .rests_on =
        "the nested page tables in the image, as decoded; accessed and dirty bits preset, so that the processor does "
        "not write to them",
    .manual = "AMD APM volume 2 §15.25.5",
    .mend = kNotFromThisModel,
    .bytes = tables_private,
};

} // namespace septum::verifier
