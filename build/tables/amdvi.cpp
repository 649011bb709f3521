// SPDX-License-Identifier: Apache-2.0
#include "build/tables/amdvi.hpp"

#include <bit>
#include <map>

namespace septum::build {
namespace {

// Extended feature register (MMIO 0x30, §3.4.2.10).
constexpr std::uint64_t kXtSup = 1ULL << 2; // destinations of 32 bits
constexpr std::uint64_t kIaSup = 1ULL << 6; // one command that invalidates all
constexpr std::uint64_t kGaSup = 1ULL << 7; // interrupt entries of 128 bits

constexpr std::uint64_t kRequesters = 65536;
constexpr std::uint64_t kEntrySize = 32;
constexpr std::uint64_t kLevels = 4;

// Device table entry (§2.2.2.1). Bits 63:0.
constexpr std::uint64_t kValid = 1ULL << 0;            // V
constexpr std::uint64_t kTranslationValid = 1ULL << 1; // TV
constexpr std::uint64_t kMode = kLevels << 9;          // levels of the page table
constexpr std::uint64_t kReadable = 1ULL << 61;        // IR
constexpr std::uint64_t kWritable = 1ULL << 62;        // IW
// Bits 191:128. INIT, ExtINT, NMI and LINT are not passed; without kRemap fixed and arbitrated ones are aborted.
constexpr std::uint64_t kInterruptsValid = 1ULL << 0; // IV
constexpr unsigned kTableLengthShift = 1;             // IntTabLen: log2 of the entries
constexpr std::uint64_t kRemap = 2ULL << 60;          // IntCtl = 10b

// Page table entries (§2.2.3): PR; the next level in bits 11:9, 0 in a leaf of any level; IR and IW.
constexpr std::uint64_t kPresent = 1ULL << 0;
constexpr unsigned kNextLevelShift = 9;
constexpr std::uint64_t kAll = kPresent | kReadable | kWritable;

PageTableShape shape_of(const config::Board& board) {
    PageTableShape shape;
    shape.largest_page = board.iommu.largest_page;
    shape.table_bits = kAll;
    shape.levels = static_cast<int>(kLevels);
    shape.large_bits = 0;
    shape.level_shift = kNextLevelShift;
    return shape;
}

std::uint64_t interrupt_table_size(const PlannedDevice& device, const config::Board& board) {
    if (device.handles == 0) {
        return 0;
    }
    const std::uint64_t entry = board.iommu.extended_interrupts ? 16 : 4; // §2.2.5.2, §2.2.5.1
    return (std::bit_ceil(std::uint64_t{device.handles}) * entry + kPageSize - 1) & ~(kPageSize - 1);
}

// Offsets in the two stretches.
struct Layout {
    std::vector<std::uint64_t> interrupts;       // by device, in `written`; 0: none
    std::map<std::size_t, std::uint64_t> tables; // partition → in `sealed`
    IommuSizes sizes;
};

Layout lay_out(const Plan& plan, const config::Board& board) {
    Layout layout;
    layout.sizes.written = kAmdviDeviceTableSize;
    for (const auto& device : plan.devices) {
        const std::uint64_t size = interrupt_table_size(device, board);
        layout.interrupts.push_back(size == 0 ? 0 : layout.sizes.written);
        layout.sizes.written += size;
    }
    layout.sizes.sealed = kPageSize; // maps nothing
    for (const std::size_t p : dma_partitions(plan)) {
        layout.tables[p] = layout.sizes.sealed;
        layout.sizes.sealed += count_tables(dma_mappings(plan.partitions[p], kAll), shape_of(board)) * kPageSize;
    }
    return layout;
}

} // namespace

IommuSizes amdvi_sizes(const Plan& plan, const config::Board& board) {
    return lay_out(plan, board).sizes;
}

manifest::Iommu amdvi_record(const config::Board& board, IommuPlaces places) {
    manifest::Iommu record{};
    record.kind = manifest::IommuKind::amd_vi;
    record.levels = kLevels;
    record.bdf = manifest::kNobody;
    for (const auto& function : board.pci) {
        if (board.iommu.function && function.name.value == board.iommu.function->value) {
            record.bdf = function.bdf;
        }
    }
    record.capability = kIaSup | (board.iommu.extended_interrupts ? kXtSup | kGaSup : 0);
    record.capability_mask = record.capability;
    record.root_table = places.written;
    return record;
}

std::vector<Hpa> amdvi_interrupt_tables(const Plan& plan, const config::Board& board, IommuPlaces places) {
    std::vector<Hpa> tables;
    for (const std::uint64_t offset : lay_out(plan, board).interrupts) {
        tables.push_back(offset == 0 ? Hpa{} : places.written + offset);
    }
    return tables;
}

void write_amdvi_tables(const Plan& plan, const config::Board& board, IommuPlaces places, ByteSpan written,
                        ByteSpan sealed) {
    const Layout layout = lay_out(plan, board);
    for (std::uint64_t requester = 0; requester < kRequesters; ++requester) {
        store64(written, requester * kEntrySize, kValid | kTranslationValid | kMode | places.sealed.value);
        store64(written, requester * kEntrySize + 16, kInterruptsValid);
    }
    for (const auto& [partition, offset] : layout.tables) {
        const auto mappings = dma_mappings(plan.partitions[partition], kAll);
        write_tables(mappings, shape_of(board), places.sealed + offset,
                     sealed.subspan(offset, count_tables(mappings, shape_of(board)) * kPageSize));
    }
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const auto& device = plan.devices[d];
        const std::uint64_t entry = device.bdf * kEntrySize;
        const std::uint64_t root = places.sealed.value + layout.tables.at(device.partition);
        store64(written, entry, kValid | kTranslationValid | kMode | kReadable | kWritable | root);
        store64(written, entry + 8, device.domain);
        if (device.handles != 0) {
            const auto length = static_cast<std::uint64_t>(std::bit_width(std::bit_ceil(device.handles)) - 1);
            store64(written, entry + 16,
                    kInterruptsValid | length << kTableLengthShift | kRemap |
                        (places.written.value + layout.interrupts[d]));
        }
    }
}

} // namespace septum::build
