// SPDX-License-Identifier: Apache-2.0
// VT-d while partitions run. The boot part has turned it on with the sealed tables and an empty queue.
#include "kernel/hw/mmio.hpp"
#include "kernel/x86_64/iommu/backend.hpp"
#include "kernel/x86_64/iommu/ring.hpp"
#include "kernel/x86_64/iommu/vt_d_format.hpp"

namespace septum::kernel::iommu::vt_d {

namespace {

constexpr u64 kEntrySize = 16; // of every table

template <typename... Orders>
[[gnu::always_inline]] inline void forget(const manifest::Header& header, Orders... what) {
    carry_out(header.iommu, kQueueTail, what..., wait(done_of(header.iommu)));
}

Hpa interrupt_entry_of(const manifest::Header& header, const manifest::Device& device, u32 index) {
    return header.iommu.interrupt_table + u64{device.first_handle + index} * kEntrySize;
}

// Apart, so that an unmasking that changes nothing, the frequent one, does not make room for it.
[[gnu::noinline]] void change_route(const manifest::Header& header, Hpa entry, u64 value, u32 handle) {
    const hw::Turn turn(lock);
    store(entry, value);
    forget(header, one_interrupt_entry(handle));
}

// The device's context entry changes; a bus without context table has none.
void change_context(const manifest::Header& header, const manifest::Device& device, u64 clear, u64 set) {
    const u64 root = load(header.iommu.root_table + u64{device.bdf} / 256 * kEntrySize);
    if ((root & kPresent) != 0) {
        const Hpa entry{pointer(root) + u64{device.bdf} % 256 * kEntrySize};
        store(entry, (load(entry) & ~clear) | set);
    }
}

} // namespace

void remap(const manifest::Header& header, const manifest::Device& device, u32 index, core::Route route) {
    const Hpa entry = interrupt_entry_of(header, device, index);
    const u64 value = route.present ? interrupt_entry(route.vector, route.apic_id, extended_interrupts(header)) : 0;
    if (load(entry) != value) {
        change_route(header, entry, value, device.first_handle + index);
    }
}

void open(const manifest::Header& header, const manifest::Device& device, bool open) {
    for (u32 index = 0; index < device.handles; index++) {
        store(interrupt_entry_of(header, device, index), u64{0});
    }
    change_context(header, device, kPresent | kFaultDisable, open ? kPresent : 0);
    forget(header, kAllInterruptEntries, one_context(device.domain, device.bdf), one_domain(device.domain));
}

void suppress(const manifest::Header& header, const manifest::Device& device) {
    change_context(header, device, 0, kFaultDisable);
    forget(header, one_context(device.domain, device.bdf));
}

bool next_fault(const manifest::Header& header, Fault& fault) {
    const Hpa unit = header.iommu.registers;
    const u32 status = hw::mmio_read32(unit + kFaultStatus);
    if ((status & kQueueErrors) != 0) {
        fault.kind = Fault::Kind::unit;
        return true;
    }
    if ((status & kFaultPending) != 0) {
        const u64 capability = hw::mmio_read64(unit + kCapability);
        const u32 count = fault_record_count(capability);
        for (u32 i = 0, record = status >> 8 & 0xFF; i < count; i++, record = (record + 1) % count) { // from FRI on
            const Hpa place = unit + fault_records(capability) + u64{record} * kEntrySize;
            const u64 high = hw::mmio_read64(place + 8);
            if ((high & kRecorded) != 0) {
                fault = fault_of(hw::mmio_read64(place), high);
                hw::mmio_write32(place + 12, static_cast<u32>(kRecorded >> 32));
                return true;
            }
        }
    }
    if ((status & kFaultOverflow) != 0) { // only now: the unit records again as soon as this bit is clear
        hw::mmio_write32(unit + kFaultStatus, kFaultOverflow);
        fault.kind = Fault::Kind::lost;
        return true;
    }
    return false;
}

void listen(const manifest::Header& header, bool on) {
    const Hpa unit = header.iommu.registers;
    const u32 apic_id = header.iommu.fault_apic_id;
    hw::mmio_write32(unit + kFaultData, kDataNmi);
    hw::mmio_write32(unit + kFaultAddress, message_address(apic_id));
    hw::mmio_write32(unit + kFaultAddressHigh, apic_id & ~0xFFu);
    hw::mmio_write32(unit + kFaultControl, on ? 0 : kInterruptMask);
}

} // namespace septum::kernel::iommu::vt_d
