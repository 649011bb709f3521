// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/iommu.hpp"

#include "kernel/boot/amd_vi.hpp"
#include "kernel/boot/amd_vi_format.hpp"
#include "kernel/boot/bundle.hpp"
#include "kernel/boot/map.hpp"
#include "kernel/boot/vt_d.hpp"

namespace septum::kernel::iommu {

namespace {

using boot::Value;
using manifest::IommuKind;

constexpr u64 kDeviceTableSize = amd_vi::kDeviceTablePages * kPageSize;

boot::Refusal block_amd_vi(const manifest::Header& header, const manifest::Range& loaded) {
    const auto regions = boot::records<manifest::Region>(header, header.regions);
    const Hpa table = borrow_memory(regions.begin(), static_cast<u32>(regions.count), loaded, kDeviceTableSize);
    if (table.value == 0) {
        return {boot::Code::iommu, Value::text("iommu: memory for a table that blocks everything"), {},
                Value::text("2 MiB of a partition's memory beside the loaded bundle"), {}};
    }
    SEPTUM_REQUIRE(boot::map("iommu table", {table, kDeviceTableSize}));
    return amd_vi::block_all(header, table);
}

} // namespace

boot::Refusal block_everything(const manifest::Header& header, const manifest::Range& loaded) {
    const Hpa registers = header.iommu.registers;
    switch (header.iommu.kind) {
    case IommuKind::none: break;
    case IommuKind::vt_d:
        SEPTUM_REQUIRE(boot::map("iommu registers", {registers, kPageSize}));
        return block_all(header.iommu);
    case IommuKind::amd_vi:
        SEPTUM_REQUIRE(boot::map("iommu registers", {registers, amd_vi::kRegisters}));
        return block_amd_vi(header, loaded);
    }
    return boot::kHolds;
}

boot::Refusal use_sealed(const manifest::Header& header) {
    switch (header.iommu.kind) {
    case IommuKind::none: break;
    case IommuKind::vt_d: return use_sealed_tables(header);
    case IommuKind::amd_vi: return amd_vi::use_sealed_tables(header);
    }
    return boot::kHolds;
}

} // namespace septum::kernel::iommu
