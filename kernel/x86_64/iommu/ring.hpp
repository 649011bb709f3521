// SPDX-License-Identifier: Apache-2.0
// The ring in memory by which a unit takes orders: VT-d's invalidation queue, AMD-Vi's command buffer. One page here.
#pragma once

#include "kernel/hw/control.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/hw/mmio.hpp"
#include "kernel/x86_64/iommu/backend.hpp"
#include "kernel/x86_64/iommu/order.hpp"

#include <septum/manifest/layout.hpp>

namespace septum::kernel::iommu {

// Tables in memory that the unit reads at any time: each change is one store.
template <typename Word = u64>
Word load(Hpa address) {
    return __atomic_load_n(hw::at<Word>(address), __ATOMIC_RELAXED);
}
template <typename Word = u64>
void store(Hpa address, Word value) {
    __atomic_store_n(hw::at<Word>(address), value, __ATOMIC_RELEASE);
}

// Where the unit writes kDone. No device reaches it but the unit itself.
inline Hpa done_of(const manifest::Iommu& iommu) {
    return iommu.log + (layout::IommuBlock::kCompletion - layout::IommuBlock::kLog);
}

// Gives the unit orders, of which the last makes it wait for all the others and write to done_of(), and waits until it has. The
// ring is empty before and after, so it never runs full. `tail_register` is an offset in the unit's registers.
template <typename... Orders>
[[gnu::always_inline]] inline void carry_out(const manifest::Iommu& iommu, u64 tail_register, Orders... orders) {
    const Hpa done = done_of(iommu);
    const Hpa ring = iommu.queue;
    const Hpa tail_at = iommu.registers + tail_register;
    hw::mmio_write64(done, 0);
    u64 tail = hw::mmio_read64(tail_at);
    __atomic_thread_fence(__ATOMIC_RELEASE); // what the orders are about stands in memory
    const auto add = [&](Order next) __attribute__((always_inline)) {
        hw::mmio_write64(ring + tail, next.low);
        hw::mmio_write64(ring + tail + 8, next.high);
        tail = (tail + sizeof(Order)) % kPageSize;
    };
    (add(orders), ...);
    hw::mmio_write64(tail_at, tail);
    for (u32 polls = 0; hw::mmio_read32(done) != kDone; polls++) {
        if (polls == kMaxPolls) {
            give_up("an invalidation");
        }
        hw::pause();
    }
}

} // namespace septum::kernel::iommu
