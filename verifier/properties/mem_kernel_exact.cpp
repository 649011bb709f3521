// SPDX-License-Identifier: Apache-2.0
// mem.kernel-exact: the kernel maps what it needs and nothing else.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/kernel_ranges.hpp"
#include "verifier/properties/shared/kernel_tables.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

using manifest::kRead;

std::uint64_t mapping(std::uint8_t access, decode::CacheType type) {
    return static_cast<std::uint64_t>(type) << 8 | access;
}

std::string mapping_text(std::uint64_t value) {
    return value == kAbsent ? "not mapped"
                            : fmt::format("{} {}", access_text(static_cast<std::uint8_t>(value & 0xFF)),
                                          decode::name(static_cast<decode::CacheType>(value >> 8)));
}

std::uint64_t page_floor(std::uint64_t value) {
    return value / kPageSize * kPageSize;
}

std::uint64_t page_ceil(std::uint64_t value) {
    return page_floor(value + kPageSize - 1);
}

// Pages of the sealed tables that the kernel writes at run time: interrupt tables, and what says which requester has
// which domain. They may be mapped for writing; where the tables map them so, that is what is expected.
Pieces written_pages(const Facts& facts, const Pieces& actual, std::uint64_t data, std::uint64_t constant) {
    Pieces pages;
    for (const std::uint64_t page : facts.devices.written_pages) {
        pages.push_back({page, page + kPageSize, 0});
    }
    pages = united(std::move(pages));
    Pieces writable;
    for (const Overlap& overlap : common(pages, actual)) {
        if (overlap.later == data) {
            writable.push_back({overlap.first, overlap.end, data});
        }
    }
    writable = united(sorted(std::move(writable)), data);
    Pieces out =
        without({{facts.bundle.place.base, facts.bundle.place.base + facts.bundle.place.size, constant}}, writable);
    out.insert(out.end(), writable.begin(), writable.end());
    return out;
}

// What ought to be mapped, identity, and how.
Pieces expected(const Context& context, const Pieces& actual) {
    const Facts& facts = *context.facts;
    const std::uint64_t data = mapping(kRead | kWrite, decode::CacheType::write_back);
    const std::uint64_t constant = mapping(kRead, decode::CacheType::write_back);
    const std::uint64_t device = mapping(kRead | kWrite, decode::CacheType::uncacheable);
    Pieces out;
    for (const decode::ElfSegment& segment : facts.kernel.elf.segments) {
        if (segment.boot_only || segment.memory_size == 0) {
            continue;
        }
        std::uint8_t access = (segment.flags & decode::kElfRead) != 0 ? kRead : 0;
        access = static_cast<std::uint8_t>(access | ((segment.flags & decode::kElfWrite) != 0 ? kWrite : 0) |
                                           ((segment.flags & decode::kElfExecute) != 0 ? kExecute : 0));
        out.push_back({page_floor(segment.virtual_address), page_ceil(segment.virtual_address + segment.memory_size),
                       mapping(access, decode::CacheType::write_back)});
    }
    for (const Piece& piece : written_pages(facts, actual, data, constant)) {
        out.push_back(piece);
    }
    const PlaceRange& workspace = facts.kernel.workspace;
    for (const Piece& piece :
         without({{workspace.base, workspace.base + workspace.size, data}}, kernel_guards(facts))) {
        out.push_back(piece);
    }
    for (const PlacedPartition& partition : context.places->partitions) {
        for (const Piece& piece : partition.ram) {
            out.push_back({piece.first, piece.end, data});
        }
    }
    for (const PlacedChannel& channel : context.places->channels) {
        out.push_back({channel.base, channel.base + channel.size, data});
    }
    if (facts.devices.present) {
        const std::uint64_t registers = facts.manifest.header.iommu.registers.value;
        out.push_back({registers, registers + iommu_registers_size(facts), device});
    }
    for (const PlacedPartition& partition : context.places->partitions) {
        for (const Piece& piece : partition.traps) {
            out.push_back({piece.first, piece.end, device});
        }
    }
    const manifest::Range& log = facts.manifest.header.event_log;
    if (log.size != 0) {
        out.push_back({log.base.value, log.base.value + log.size, data});
    }
    if (const std::uint64_t crash = facts.manifest.header.crash_record.value; crash != 0) {
        out.push_back({crash, crash + kPageSize, data});
    }
    const manifest::Watchdog& watchdog = facts.manifest.header.watchdog;
    if (watchdog.kind != manifest::WatchdogKind::none) {
        out.push_back({watchdog.registers.value, watchdog.registers.value + kPageSize, device});
    }
    if (context.model.board.apic.value == config::Apic::xapic) {
        out.push_back({kLocalApicPage, kLocalApicPage + kPageSize, device});
    }
    return sorted(std::move(out));
}

void kernel_exact(const Context& context, Judge& judge) {
    const decode::PageTable& table = context.facts->kernel.page_table;
    if (!table.complete) {
        judge.violated({.message = "the kernel's page tables can't be read to their end", .key = "incomplete"});
    }
    if (table.root != context.facts->manifest.header.kernel_page_tables.value) {
        judge.inconclusive("the kernel's page tables were not decoded from the root that the manifest gives");
    }
    Pieces actual;
    Pieces shifted;
    for (const Interval& interval : table.intervals) {
        actual.push_back({interval.gpa, interval.gpa + interval.size, mapping(interval.access, interval.type)});
        if (interval.gpa != interval.hpa) {
            judge.violated(
                {.message = fmt::format("the kernel maps {} to host-physical {}, expected the same address",
                                        range(interval.gpa, interval.gpa + interval.size), address(interval.hpa)),
                 .key = "identity",
                 .witness = "virtual " + address(interval.gpa)});
        }
        if (interval.user) {
            judge.violated({.message = fmt::format("the kernel maps {} for user mode",
                                                   range(interval.gpa, interval.gpa + interval.size)),
                            .key = "user",
                            .witness = "virtual " + address(interval.gpa)});
        }
    }
    const Pieces wanted = expected(context, sorted(actual));
    if (!is_disjoint(wanted)) {
        judge.violated({.message = "what the kernel should map overlaps itself: see image.layout", .key = "overlap"});
        return;
    }
    const std::vector<Difference> found = differences(joined(actual), joined(wanted));
    for (const Difference& difference : found) {
        judge.violated(
            {.message = fmt::format("the kernel maps {} as {}, expected {}", range(difference.first, difference.end),
                                    mapping_text(difference.left), mapping_text(difference.right)),
             .key = "mapping",
             .witness = "virtual " + address(difference.first)});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("mem.kernel-exact", sorted(actual), wanted, false, timeout);
    });
}

} // namespace

const Property kMemKernelExact{
    .id = "mem.kernel-exact",
    .title = "the kernel maps what it needs and nothing else",
    .statement =
        "After launch the kernel maps, at the same virtual as physical address: its resident segments with their own "
        "rights, the bundle read-only but for the tables that the IOMMU's driver writes (interrupt tables, and "
        "context or device tables), its workspace without the stack guards, partitions' RAM, channels, the event log "
        "and the crash record without execute, and uncached the registers of IOMMU and watchdog, the pages of "
        "assigned devices' MSI-X tables and, on an xAPIC board, the local APIC. Nothing else.",
    .level = Level::bytes,
    .rests_on = kKernelTablesRest,
    .manual = "AMD APM volume 2 §5.3, §5.6, §7.8",
    .mend = kKernelTablesMend,
    .bytes = kernel_exact,
};

} // namespace septum::verifier
