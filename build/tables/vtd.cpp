// SPDX-License-Identifier: Apache-2.0
#include "build/tables/vtd.hpp"

#include <algorithm>
#include <bit>
#include <map>

namespace septum::build {
namespace {

// CAP_REG (§11.4.2). The first two would make the kernel do more after it has set the tables than it does.
constexpr std::uint64_t kRwbf = 1ULL << 4;        // needs write-buffer flushes
constexpr std::uint64_t kCm = 1ULL << 7;          // caches entries that are not present
constexpr std::uint64_t kManyDomains = 1ULL << 1; // in ND: 256, 1024 or 65,536 domains
constexpr std::uint64_t kSagaw39 = 1ULL << 9;
constexpr std::uint64_t kSagaw48 = 1ULL << 10;
constexpr std::uint64_t kSllps2M = 1ULL << 34;
constexpr std::uint64_t kSllps1G = 1ULL << 35;
constexpr std::size_t kFewDomains = 15; // every unit has 16 (ND = 0); id 0 is nobody's

// ECAP_REG (§11.4.3).
constexpr std::uint64_t kQi = 1ULL << 1;  // queued invalidation: the only way to invalidate interrupt entries
constexpr std::uint64_t kIr = 1ULL << 3;  // interrupt remapping
constexpr std::uint64_t kEim = 1ULL << 4; // destinations of 32 bits

constexpr std::uint64_t kEntrySize = 16;
constexpr std::uint64_t kPresent = 1;     // root entry (§9.1), context entry (§9.3)
constexpr std::uint64_t kThreeLevels = 1; // context entry, AW: 39 bits
constexpr std::uint64_t kFourLevels = 2;  // 48 bits
constexpr unsigned kDomainShift = 8;

// Second-level entries (§9.8). No snoop, no memory type: neither is looked at without the capability.
constexpr std::uint64_t kRead = 1ULL << 0;
constexpr std::uint64_t kWrite = 1ULL << 1;
constexpr std::uint64_t kPageSizeBit = 1ULL << 7;

// Interrupt remapping entry (§9.9), upper half: SVT = 01, verify the source id with all its bits (SQ = 00).
constexpr std::uint64_t kVerifySource = 1ULL << 18;

// Its lower half, of the one entry that is present before launch: edge, physical destination [63:32], delivery mode NMI
// [7:5].
constexpr std::uint64_t kSendsNmi = kPresent | 4ULL << 5;
constexpr unsigned kDestinationShift = 32;
constexpr unsigned kXapicDestinationShift = 40; // without extended interrupts, bits [47:40]

bool deep(const config::Board& board) {
    return board.iommu.address_bits > 39;
}

PageTableShape shape_of(const config::Board& board) {
    PageTableShape shape;
    shape.largest_page = board.iommu.largest_page;
    shape.table_bits = kRead | kWrite;
    shape.levels = deep(board) ? 4 : 3;
    shape.large_bits = kPageSizeBit;
    return shape;
}

// Offsets in the two stretches.
struct Layout {
    std::map<std::uint16_t, std::uint64_t> contexts; // bus → in `written`
    std::map<std::size_t, std::uint64_t> tables;     // partition → in `sealed`
    IommuSizes sizes;
};

Layout lay_out(const Plan& plan, const config::Board& board) {
    Layout layout;
    layout.sizes.written = vtd_interrupt_entries(plan) * kEntrySize;
    for (const auto& device : plan.devices) {
        layout.contexts.try_emplace(static_cast<std::uint16_t>(device.bdf >> 8U), 0);
    }
    for (auto& [bus, offset] : layout.contexts) {
        offset = layout.sizes.written;
        layout.sizes.written += kPageSize;
    }
    layout.sizes.sealed = kPageSize; // the root table
    for (const std::size_t p : dma_partitions(plan)) {
        layout.tables[p] = layout.sizes.sealed;
        layout.sizes.sealed +=
            count_tables(dma_mappings(plan.partitions[p], kRead | kWrite), shape_of(board)) * kPageSize;
    }
    return layout;
}

} // namespace

std::uint64_t vtd_interrupt_entries(const Plan& plan) {
    std::uint64_t handles = 0;
    for (const auto& device : plan.devices) {
        handles = std::max<std::uint64_t>(handles, device.first_handle + device.handles);
    }
    if (plan.watchdog_handle != ~0U) {
        handles = plan.watchdog_handle + 1ULL;
    }
    return std::max(kVtdLeastInterrupts, std::bit_ceil(handles));
}

IommuSizes vtd_sizes(const Plan& plan, const config::Board& board) {
    return lay_out(plan, board).sizes;
}

manifest::Iommu vtd_record(const Plan& plan, const config::Board& board, IommuPlaces places) {
    manifest::Iommu record{};
    record.kind = manifest::IommuKind::vt_d;
    record.levels = deep(board) ? 4 : 3;
    record.bdf = manifest::kNobody;
    record.version = board.iommu.version;
    record.capability_mask = kRwbf | kCm;
    const auto needs = [&record](std::uint64_t bits) {
        record.capability |= bits;
        record.capability_mask |= bits;
    };
    const auto partitions = dma_partitions(plan);
    if (!partitions.empty()) {
        needs(deep(board) ? kSagaw48 : kSagaw39);
        if (board.iommu.largest_page >= 2 * kMiB) {
            needs(kSllps2M);
        }
        if (board.iommu.largest_page >= kGiB) {
            needs(kSllps1G);
        }
        if (partitions.size() > kFewDomains) {
            needs(kManyDomains);
        }
    }
    record.extended = kQi | kIr | (board.iommu.extended_interrupts ? kEim : 0);
    record.extended_mask = record.extended;
    record.root_table = places.sealed;
    record.interrupt_table = places.written;
    record.interrupt_table_entries = vtd_interrupt_entries(plan);
    return record;
}

void write_vtd_tables(const Plan& plan, const config::Board& board, IommuPlaces places, ByteSpan written,
                      ByteSpan sealed) {
    const Layout layout = lay_out(plan, board);
    for (const auto& [bus, offset] : layout.contexts) {
        store64(sealed, bus * kEntrySize, (places.written.value + offset) | kPresent);
    }
    for (const auto& [partition, offset] : layout.tables) {
        const auto mappings = dma_mappings(plan.partitions[partition], kRead | kWrite);
        write_tables(mappings, shape_of(board), places.sealed + offset,
                     sealed.subspan(offset, count_tables(mappings, shape_of(board)) * kPageSize));
    }
    for (const auto& device : plan.devices) {
        const std::uint64_t context = layout.contexts.at(static_cast<std::uint16_t>(device.bdf >> 8U));
        const std::uint64_t entry = context + (device.bdf & 0xFFU) * kEntrySize;
        store64(written, entry, (places.sealed.value + layout.tables.at(device.partition)) | kPresent);
        store64(written, entry + 8,
                (deep(board) ? kFourLevels : kThreeLevels) | std::uint64_t{device.domain} << kDomainShift);
        for (std::uint32_t i = 0; i < device.handles; ++i) {
            store64(written, (device.first_handle + i) * kEntrySize + 8, kVerifySource | device.bdf);
        }
    }
    if (plan.watchdog_handle != ~0U) {
        const unsigned shift = board.iommu.extended_interrupts ? kDestinationShift : kXapicDestinationShift;
        store64(written, plan.watchdog_handle * kEntrySize, kSendsNmi | std::uint64_t{plan.watchdog_apic_id} << shift);
        store64(written, plan.watchdog_handle * kEntrySize + 8, kVerifySource | *board.watchdog->requester);
    }
}

} // namespace septum::build
