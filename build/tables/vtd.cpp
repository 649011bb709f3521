// SPDX-License-Identifier: Apache-2.0
#include "build/tables/vtd.hpp"

#include <algorithm>

namespace septum::build {
namespace {

constexpr std::uint64_t kVersion = 0x10; // VER_REG (§11.4.1): architecture 1.0

// CAP_REG (§11.4.2). Both would make the kernel do more after it has set the tables than it does.
constexpr std::uint64_t kRwbf = 1U << 4; // needs write-buffer flushes
constexpr std::uint64_t kCm = 1U << 7;   // caches entries that are not present

// ECAP_REG (§11.4.3).
constexpr std::uint64_t kQi = 1U << 1; // queued invalidation: the only way to invalidate interrupt entries
constexpr std::uint64_t kIr = 1U << 3; // interrupt remapping

} // namespace

void write_vtd_tables(ByteSpan root, ByteSpan interrupts) {
    std::fill(root.begin(), root.end(), std::uint8_t{0});
    std::fill(interrupts.begin(), interrupts.end(), std::uint8_t{0});
}

manifest::Iommu iommu_record(const config::BoardIommuUnit& unit, Hpa root, Hpa interrupts) {
    manifest::Iommu record{};
    if (unit.kind == config::BoardIommu::none) {
        return record;
    }
    record.kind = manifest::IommuKind::vt_d;
    record.registers = Hpa{unit.registers.value};
    record.version = kVersion;
    record.capability = 0;
    record.capability_mask = kRwbf | kCm;
    record.extended = kQi | kIr;
    record.extended_mask = kQi | kIr;
    record.root_table = root;
    record.interrupt_table = interrupts;
    record.interrupt_table_entries = kVtdInterruptEntries;
    return record;
}

} // namespace septum::build
