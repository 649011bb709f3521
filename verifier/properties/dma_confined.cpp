// SPDX-License-Identifier: Apache-2.0
// dma.confined: DMA reaches exactly its owner's RAM.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/requesters.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr unsigned kAddressBits = 48; // of a DMA address, below the partition's number in one key

// The domain that a requester is translated by; null when it is not.
const decode::DmaDomain* domain_of(const decode::DmaTables& dma, std::uint16_t bdf) {
    for (const decode::RequesterInterval& interval : dma.requesters) {
        if (interval.first <= bdf && bdf <= interval.last && interval.state == decode::DmaState::translated &&
            interval.domain < dma.domains.size()) {
            return &dma.domains[interval.domain];
        }
    }
    return nullptr;
}

// Domains share the unit's caches by their id: one id must mean one set of tables.
void domain_ids(const Context& context, Judge& judge) {
    const decode::DmaTables& dma = context.facts->devices.dma;
    Pieces ids;
    for (std::size_t i = 0; i < dma.domains.size(); ++i) {
        ids.push_back({dma.domains[i].id, std::uint64_t{dma.domains[i].id} + 1, i});
    }
    const std::vector<Overlap> found = overlaps(ids);
    for (const Overlap& overlap : found) {
        judge.violated({.message = fmt::format("DMA domain {} means two sets of tables, at {} and at {}", overlap.first,
                                               address(dma.domains[overlap.earlier].root),
                                               address(dma.domains[overlap.later].root)),
                        .key = fmt::format("id{}", overlap.first),
                        .witness = fmt::format("domain {}", overlap.first)});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_twice("dma.confined: domain ids", ids, timeout); });
}

void confined(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kNothingBlocksDma)) {
        return;
    }
    const decode::DmaTables& dma = context.facts->devices.dma;
    for (const decode::DmaDomain& domain : dma.domains) {
        if (!domain.complete) {
            judge.violated({.message = fmt::format("the tables of DMA domain {} can't be read to their end", domain.id),
                            .key = fmt::format("domain{}:incomplete", domain.id)});
        }
    }
    domain_ids(context, judge);
    // One key for all: a row for each domain in the tables, those of the model's partitions first. Each row is compared
    // with its partition's RAM; a row without a partition ought to be empty.
    Pieces actual;
    Pieces expected;
    std::vector<std::string> names;
    std::vector<config::Span> spans;
    std::vector<const decode::DmaDomain*> rows;
    const auto row = [&](const decode::DmaDomain* domain, const std::string& name, const config::Span& span) {
        const std::uint64_t base = static_cast<std::uint64_t>(rows.size()) << kAddressBits;
        rows.push_back(domain);
        names.push_back(name);
        spans.push_back(span);
        for (const Interval& interval : domain->reach) {
            if (!decode::fits(interval.gpa, interval.size, 1ULL << kAddressBits)) {
                judge.violated({.message = fmt::format("DMA domain {} translates {}, beyond 48 bits", domain->id,
                                                       range(interval.gpa, interval.gpa + interval.size)),
                                .key = fmt::format("domain{}:wide", domain->id),
                                .witness = "DMA address " + address(interval.gpa)});
                continue;
            }
            actual.push_back({base + interval.gpa, base + interval.gpa + interval.size,
                              (interval.hpa - interval.gpa) | interval.access});
        }
        return base;
    };
    for (const AssignedDevice& device : assigned_devices(context)) {
        judge.rests_on(device.span);
        const std::string& owner = context.model.partitions[device.partition].name.value;
        const decode::DmaDomain* domain = domain_of(dma, device.function->bdf);
        if (domain == nullptr) {
            continue; // dma.absent-blocked says so
        }
        if (device.record != nullptr && device.record->domain != domain->id) {
            judge.violated({.message = fmt::format("`{}` is in DMA domain {}, but the manifest says {}",
                                                   device.function->name.value, domain->id, device.record->domain),
                            .partitions = {owner},
                            .key = "id:" + device.function->name.value,
                            .witness = "requester " + requester_text(device.function->bdf),
                            .primary = device.span});
        }
        const std::string who = fmt::format("`{}` of `{}`", device.function->name.value, owner);
        const std::uint64_t base = row(domain, who, device.span);
        for (const Piece& piece : context.places->partitions[device.partition].ram_by_guest) {
            const std::uint64_t value =
                piece.value == kUnplaced ? kUnplaced : piece.value | decode::kAccessRead | decode::kAccessWrite;
            expected.push_back({base + piece.first, base + piece.end, value});
        }
    }
    for (const decode::DmaDomain& domain : dma.domains) {
        if (std::find(rows.begin(), rows.end(), &domain) == rows.end()) {
            (void)row(&domain, fmt::format("DMA domain {}", domain.id), {});
        }
    }
    actual = sorted(std::move(actual));
    expected = sorted(std::move(expected));
    const std::vector<Difference> found = differences(joined(actual), joined(expected));
    for (const Difference& difference : found) {
        const std::uint64_t index = difference.first >> kAddressBits;
        const std::uint64_t at = difference.first & ((1ULL << kAddressBits) - 1);
        const std::uint64_t end = at + (difference.end - difference.first);
        const bool extra = difference.right == kAbsent;
        const bool lacking = difference.left == kAbsent;
        const std::uint64_t host = at + (difference.left & ~3ULL);
        judge.violated({.message = lacking ? fmt::format("{} can't reach {} by DMA, which is its owner's RAM",
                                                         names[index], range(at, end))
                                           : fmt::format("{} reaches host-physical {} by DMA with {}, {}", names[index],
                                                         range(host, host + (end - at)),
                                                         access_text(static_cast<std::uint8_t>(difference.left & 3)),
                                                         extra ? "which is not its owner's RAM"
                                                               : "expected its owner's RAM with rw-"),
                        .key = fmt::format("{}:{}", names[index], lacking ? "lacking" : "reach"),
                        .witness = lacking ? "DMA address " + address(at) : "host-physical " + address(host),
                        .primary = spans[index],
                        .notes = {"DMA address " + range(at, end)}});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("dma.confined", actual, expected, false, timeout);
    });
}

constexpr const char* kPageTables = "VT-d specification §9.8; AMD IOMMU specification §2.2.3";

} // namespace

const Property kDmaConfined{
    .id = "dma.confined",
    .title = "DMA reaches exactly its owner's RAM",
    .statement =
        "For every assigned device and every DMA address: the page tables of its domain lead to its owner's RAM at "
        "the same address that the owner uses, with read and write, and to nothing where the owner has no RAM. "
        "Domains of nobody reach nothing; one domain id means one set of tables.",
    .level = Level::bytes,
    .rests_on = kDmaUnitOn,
    .manual = kPageTables,
    .mend = kImageAltered,
    .bytes = confined,
};

} // namespace septum::verifier
