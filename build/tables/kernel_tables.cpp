// SPDX-License-Identifier: Apache-2.0
#include "build/tables/kernel_tables.hpp"

#include "build/plan/devices.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>

namespace septum::build {
namespace {

// The local APIC's register page after reset (APM 2 §16.3.1).
constexpr std::uint64_t kLocalApic = 0xFEE0'0000;

constexpr std::uint64_t kTable = pte::kPresent | pte::kWrite | pte::kAccessed;
constexpr std::uint64_t kReadOnly = pte::kPresent | pte::kAccessed | pte::kDirty | pte::kNoExecute;
constexpr std::uint64_t kText = pte::kPresent | pte::kAccessed | pte::kDirty;
constexpr std::uint64_t kData = kReadOnly | pte::kWrite;
// PAT entry 3 of the reset default: uncacheable (APM 2 §7.8.2).
constexpr std::uint64_t kDevice = kData | pte::kCacheDisable | pte::kWriteThrough;

class Builder {
public:
    void identity(std::uint64_t base, std::uint64_t size, std::uint64_t leaf) {
        if (size != 0) {
            mappings_.push_back({base, base, size, leaf});
        }
    }

    // Neighbours with the same rights become one mapping, so that large pages are found across them.
    std::vector<Mapping> finish() {
        std::sort(mappings_.begin(), mappings_.end(),
                  [](const Mapping& a, const Mapping& b) { return a.from < b.from; });
        std::vector<Mapping> merged;
        for (const auto& mapping : mappings_) {
            if (!merged.empty() && merged.back().leaf == mapping.leaf &&
                merged.back().from + merged.back().size >= mapping.from) {
                const std::uint64_t end =
                    std::max(merged.back().from + merged.back().size, mapping.from + mapping.size);
                merged.back().size = end - merged.back().from;
            } else {
                merged.push_back(mapping);
            }
        }
        return merged;
    }

private:
    std::vector<Mapping> mappings_;
};

void add_bundle(Builder& builder, const manifest::Range& bundle, const manifest::Range& written) {
    if (written.size == 0) {
        builder.identity(bundle.base.value, bundle.size, kReadOnly);
        return;
    }
    const std::uint64_t end = written.base.value + written.size;
    builder.identity(bundle.base.value, written.base - bundle.base, kReadOnly);
    builder.identity(written.base.value, written.size, kData);
    builder.identity(end, bundle.base.value + bundle.size - end, kReadOnly);
}

// The IOMMU, what owners wrote to their devices, and the MSI-X tables, which the kernel writes for them.
void add_devices(Builder& builder, const Plan& plan, const config::Board& board) {
    if (board.iommu.kind == config::BoardIommu::none) {
        return;
    }
    constexpr std::uint64_t kAmdviRegisters = 16 * kKiB; // AMD IOMMU §3.4
    builder.identity(board.iommu.registers.value,
                     board.iommu.kind == config::BoardIommu::amd_vi ? kAmdviRegisters : kPageSize, kDevice);
    builder.identity(plan.iommu_block.value, layout::IommuBlock::kSize, kData);
    for (const auto& device : plan.devices) {
        builder.identity(device.block.value, layout::DeviceBlock::kSize, kData);
        for (const auto& bar : device.bars) {
            const TablePages table = msix_pages(board.pci[device.function], bar.number);
            builder.identity(bar.memory.base.value + table.first, table.size, kDevice);
        }
    }
}

} // namespace

std::vector<Mapping> kernel_mappings(const Plan& plan, const KernelImage& kernel, const config::Board& board,
                                     manifest::Range written) {
    Builder builder;
    for (const auto& segment : kernel.segments) {
        if (segment.boot_only) {
            continue;
        }
        const std::uint64_t base = segment.base & ~(kPageSize - 1);
        const std::uint64_t end = (segment.base + segment.memory_size + kPageSize - 1) & ~(kPageSize - 1);
        builder.identity(base, end - base, segment.execute ? kText : segment.write ? kData : kReadOnly);
    }
    add_bundle(builder, plan.bundle, written);
    for (const auto& cpu : plan.cpus) {
        using layout::CpuBlock;
        const std::uint64_t block = cpu.block.value;
        static_assert(CpuBlock::kStackGuard == 0 && CpuBlock::kStackGuard + kPageSize == CpuBlock::kStack);
        builder.identity(block + CpuBlock::kStack, CpuBlock::kFaultGuard - CpuBlock::kStack, kData);
        builder.identity(block + CpuBlock::kFaultStack, CpuBlock::kSize - CpuBlock::kFaultStack, kData);
    }
    for (const auto& partition : plan.partitions) {
        builder.identity(partition.block.value, layout::PartitionBlock::kSize, kData);
        builder.identity(partition.ram.base.value, partition.ram.size, kData);
    }
    for (const auto& channel : plan.channels) {
        builder.identity(channel.memory.base.value, channel.memory.size, kData);
    }
    add_devices(builder, plan, board);
    if (board.apic.value == config::Apic::xapic) {
        builder.identity(kLocalApic, kPageSize, kDevice);
    }
    builder.identity(plan.event_log.base.value, plan.event_log.size, kData);
    builder.identity(plan.crash_record.value, kPageSize, kData);
    if (plan.watched) {
        builder.identity(board.watchdog->hpet.value, kPageSize, kDevice);
    }
    return builder.finish();
}

PageTableShape kernel_shape(const config::Board& board) {
    PageTableShape shape;
    shape.largest_page = board.huge_pages_1g ? kGiB : 2 * kMiB;
    shape.table_bits = kTable;
    return shape;
}

} // namespace septum::build
