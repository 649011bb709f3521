// SPDX-License-Identifier: Apache-2.0
// What each kind of unit does in its own way. `open` and `suppress` are called with the unit's lock held; `remap` takes it.
#pragma once

#include "kernel/core/effects.hpp"
#include "kernel/hw/turn.hpp"
#include "kernel/x86_64/iommu/fault.hpp"

#include <septum/manifest/manifest.hpp>

#define SEPTUM_IOMMU_BACKEND(name)                                                                                     \
    namespace name {                                                                                                   \
    void remap(const manifest::Header& header, const manifest::Device& device, u32 index, core::Route route);          \
    void open(const manifest::Header& header, const manifest::Device& device, bool open);                              \
    void suppress(const manifest::Header& header, const manifest::Device& device);                                     \
    bool next_fault(const manifest::Header& header, Fault& fault);                                                     \
    void listen(const manifest::Header& header, bool on);                                                              \
    }

namespace septum::kernel::iommu {

// remap: iommu.hpp; `index` is one of the device's. Whether the entry routes so already is asked without the lock: only the
// device's owner changes its entries, but while it is restarted, and then none of its CPUs comes here. If two of them do at once,
// the order is theirs to make.
// open: its DMA passes as sealed, or nothing of it does. Either way no interrupt entry is present afterwards.
// suppress: the unit reports no more faults of this device, till it is opened again.
// next_fault: takes one out of the unit's log; false: there is none.
// listen: fault events reach `iommu.fault_apic_id` as NMI, or nobody.
SEPTUM_IOMMU_BACKEND(vt_d)
SEPTUM_IOMMU_BACKEND(amd_vi)

// A unit that does not do what it was told: the system stops.
[[noreturn]] void give_up(const char* what);

extern constinit hw::TurnLock lock; // whoever holds it waits for the unit a bounded time

} // namespace septum::kernel::iommu
