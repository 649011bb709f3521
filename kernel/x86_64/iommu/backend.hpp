// SPDX-License-Identifier: Apache-2.0
// What each kind of unit does in its own way. All but `routes`, `next_fault` and `listen` are called with the unit's lock held.
#pragma once

#include "kernel/core/effects.hpp"
#include "kernel/x86_64/iommu/fault.hpp"

#include <septum/manifest/manifest.hpp>

#define SEPTUM_IOMMU_BACKEND(name)                                                                                     \
    namespace name {                                                                                                   \
    bool routes(const manifest::Header& header, const manifest::Device& device, u32 index, core::Route route);         \
    void remap(const manifest::Header& header, const manifest::Device& device, u32 index, core::Route route);          \
    void open(const manifest::Header& header, const manifest::Device& device, bool open);                              \
    void suppress(const manifest::Header& header, const manifest::Device& device);                                     \
    bool next_fault(const manifest::Header& header, Fault& fault);                                                     \
    void listen(const manifest::Header& header, bool on);                                                              \
    }

namespace septum::kernel::iommu {

// routes: what remap would write is there already.
// remap: iommu.hpp; `index` is one of the device's.
// open: its DMA passes as sealed, or nothing of it does. Either way no interrupt entry is present afterwards.
// suppress: the unit reports no more faults of this device, till it is opened again.
// next_fault: takes one out of the unit's log; false: there is none.
// listen: fault events reach `iommu.fault_apic_id` as NMI, or nobody.
SEPTUM_IOMMU_BACKEND(vt_d)
SEPTUM_IOMMU_BACKEND(amd_vi)

// A unit that does not do what it was told: the system stops.
[[noreturn]] void give_up(const char* what);

} // namespace septum::kernel::iommu
