// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/amd_vi.hpp"

#include "kernel/boot/amd_vi_format.hpp"

namespace septum::kernel::iommu::amd_vi {

namespace {

using boot::Code;
using boot::Refusal;
using boot::Value;

Refusal check(const char* what, u64 expected, u64 found) {
    if (expected == found) {
        return boot::kHolds;
    }
    return {Code::iommu, Value::text(what), {}, Value::hex(expected), Value::hex(found)};
}

} // namespace

Refusal check_identity(const manifest::Iommu& expected, const Identity& found) {
    constexpr u32 kIdAndType = 0x7'00FF;
    constexpr u32 kIommu = 3u << 16 | 0x0F;
    SEPTUM_REQUIRE(check("iommu pci capability", kIommu, found.capability & kIdAndType));
    SEPTUM_REQUIRE(check("iommu registers", expected.registers.value, found.base));
    if (!found.has_msi) {
        return {Code::iommu, Value::text("iommu msi capability"), {}, Value::text("one, for its events"), {}};
    }
    if (expected.fault_apic_id > 0xFF) {
        return {Code::iommu, Value::text("iommu event cpu"), {}, Value::range("an APIC id in", 0, 0x100),
                Value::hex(expected.fault_apic_id)};
    }
    SEPTUM_REQUIRE(check("iommu extended features", expected.capability & expected.capability_mask,
                         found.features & expected.capability_mask));
    return check("iommu invalidate-all command", kForgetAllSupport, found.features & kForgetAllSupport);
}

} // namespace septum::kernel::iommu::amd_vi
