// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/vt_d.hpp"

#include "kernel/x86_64/iommu/vt_d_format.hpp"

namespace septum::kernel::iommu {

namespace {

using boot::Code;
using boot::Refusal;
using boot::Value;

constexpr u64 kQueuedInvalidation = 1u << 1; // ECAP_REG.QI
constexpr u64 kInterruptRemapping = 1u << 3; // ECAP_REG.IR

Refusal check(const char* what, u64 expected, u64 found) {
    if (expected == found) {
        return boot::kHolds;
    }
    return {Code::iommu, Value::text(what), {}, Value::hex(expected), Value::hex(found)};
}

} // namespace

Refusal check_identity(const manifest::Iommu& expected, const VtdIdentity& found) {
    SEPTUM_REQUIRE(check("iommu version", expected.version, found.version));
    SEPTUM_REQUIRE(check("iommu capability", expected.capability & expected.capability_mask,
                         found.capability & expected.capability_mask));
    SEPTUM_REQUIRE(check("iommu extended capability", expected.extended & expected.extended_mask,
                         found.extended & expected.extended_mask));
    // Only one page of registers is mapped.
    const u64 records_end = vt_d::fault_records(found.capability) + u64{vt_d::fault_record_count(found.capability)} * 16;
    if (records_end > kPageSize) {
        return {Code::iommu, Value::text("iommu fault records end"), {}, Value::range("at most", 0, kPageSize),
                Value::hex(records_end)};
    }
    constexpr u64 kNeeded = kQueuedInvalidation | kInterruptRemapping;
    return check("iommu queued invalidation and interrupt remapping", kNeeded, found.extended & kNeeded);
}

} // namespace septum::kernel::iommu
