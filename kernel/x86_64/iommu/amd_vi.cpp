// SPDX-License-Identifier: Apache-2.0
// AMD-Vi while partitions run. The boot part has turned it on with the sealed tables, an empty command buffer and event log.
#include "kernel/hw/control.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/hw/mmio.hpp"
#include "kernel/hw/pci.hpp"
#include "kernel/x86_64/iommu/amd_vi_format.hpp"
#include "kernel/x86_64/iommu/backend.hpp"
#include "kernel/x86_64/iommu/ring.hpp"

namespace septum::kernel::iommu::amd_vi {

namespace {

constexpr u64 kEntrySize = 16; // of the event log

// MSI (PCI 3.0 §6.8.1) and bus mastering of the unit's own function.
constexpr u32 kPciCommand = 4;
constexpr u32 kBusMaster = 1u << 2;
constexpr u32 kMsiId = 5;
constexpr u32 kMsiControl = 2;
constexpr u32 kMsiEnable = 1u << 0;
constexpr u32 kMsi64Bit = 1u << 7;

template <typename... Orders>
[[gnu::always_inline]] inline void order(const manifest::Header& header, Orders... what) {
    carry_out(header.iommu, kCommandTail, what..., wait(done_of(header.iommu)));
}

Hpa device_entry(const manifest::Header& header, const manifest::Device& device) {
    return header.iommu.root_table + u64{device.bdf} * kDeviceEntry;
}

// Apart, so that an unmasking that changes nothing, the frequent one, does not make room for it.
[[gnu::noinline]] void change_route(const manifest::Header& header, Hpa entry, u32 value, u16 bdf) {
    const hw::Turn turn(lock);
    store(entry, value);
    order(header, forget_interrupts(bdf));
}
[[gnu::noinline]] void change_route(const manifest::Header& header, Hpa entry, WideEntry value, u16 bdf) {
    const hw::Turn turn(lock);
    hw::store_16(entry, value.low, value.high); // the unit finds the old one or the new one, never a mixture
    order(header, forget_interrupts(bdf));
}

void change(Hpa entry, u64 clear, u64 set) { store(entry, (load(entry) & ~clear) | set); }

// The log is full: what came since is lost. It begins anew (§2.5.1).
void restart_log(const manifest::Header& header) {
    const Hpa unit = header.iommu.registers;
    const u64 control = hw::mmio_read64(unit + kControl);
    hw::mmio_write64(unit + kControl, control & ~kEventLogOn);
    for (u32 polls = 0; (hw::mmio_read64(unit + kStatus) & kEventLogRuns) != 0; polls++) {
        if (polls == kMaxPolls) {
            give_up("its event log");
        }
        hw::pause();
    }
    hw::scrub(header.iommu.log, kPageSize);
    hw::mmio_write64(unit + kStatus, kEventOverflow | kEventInterrupt);
    hw::mmio_write64(unit + kEventLog, header.iommu.log.value | kOnePageOf16);
    hw::mmio_write64(unit + kEventHead, 0);
    hw::mmio_write64(unit + kEventTail, 0);
    hw::mmio_write64(unit + kControl, control);
}

} // namespace

void remap(const manifest::Header& header, const manifest::Device& device, u32 index, core::Route route) {
    if (!wide_entries(header.iommu)) {
        const Hpa entry = device.interrupt_table + u64{index} * 4;
        const u32 value = route.present ? narrow_entry(route.vector, route.apic_id) : 0;
        if (load<u32>(entry) != value) {
            change_route(header, entry, value, device.bdf);
        }
        return;
    }
    const Hpa entry = device.interrupt_table + u64{index} * sizeof(WideEntry);
    const WideEntry value = route.present ? wide_entry(route.vector, route.apic_id) : WideEntry{0, 0};
    if (load(entry) != value.low || load(entry + 8) != value.high) {
        change_route(header, entry, value, device.bdf);
    }
}

void open(const manifest::Header& header, const manifest::Device& device, bool open) {
    const u64 size = wide_entries(header.iommu) ? sizeof(WideEntry) : 4;
    for (u64 at = 0; at < device.handles * size; at += 4) {
        store(device.interrupt_table + at, u32{0});
    }
    const Hpa entry = device_entry(header, device);
    change(entry + 16, kInterruptControl, open ? kInterruptsRemapped : 0);
    change(entry + 8, kSuppress, 0);
    change(entry, kReadWrite, open ? kReadWrite : 0);
    order(header, forget_device(device.bdf), forget_domain(device.domain), forget_interrupts(device.bdf));
}

void suppress(const manifest::Header& header, const manifest::Device& device) {
    change(device_entry(header, device) + 8, 0, kSuppress);
    order(header, forget_device(device.bdf));
}

bool next_fault(const manifest::Header& header, Fault& fault) {
    const Hpa unit = header.iommu.registers;
    const u64 status = hw::mmio_read64(unit + kStatus);
    if ((status & kEventInterrupt) != 0) {
        hw::mmio_write64(unit + kStatus, kEventInterrupt); // before the log is looked at: it is set again by what comes now
    }
    const u64 head = hw::mmio_read64(unit + kEventHead) % kPageSize;
    const Hpa event = header.iommu.log + head;
    const u64 low = load(event);
    if (event_code(low) != 0) { // the code says that it is written; what is read is wiped
        fault = fault_of(low, load(event + 8));
        store(event, u64{0});
        hw::mmio_write64(unit + kEventHead, (head + kEntrySize) % kPageSize);
        return true;
    }
    if ((status & kEventOverflow) != 0) {
        restart_log(header);
        fault.kind = Fault::Kind::lost;
        return true;
    }
    return false;
}

void listen(const manifest::Header& header, bool on) {
    const manifest::Iommu& iommu = header.iommu;
    const u32 msi = hw::pci_find_capability(iommu.bdf, kMsiId);
    if (msi == 0) { // refused at boot
        return;
    }
    const bool wide = (hw::pci_read(iommu.bdf, msi + kMsiControl, 2) & kMsi64Bit) != 0;
    hw::pci_write(iommu.bdf, msi + 4, 4, message_address(iommu.fault_apic_id));
    if (wide) {
        hw::pci_write(iommu.bdf, msi + 8, 4, 0);
    }
    hw::pci_write(iommu.bdf, msi + (wide ? 12u : 8u), 2, kDataNmi);
    hw::pci_change(iommu.bdf, kPciCommand, 2, kBusMaster, on ? kBusMaster : 0);
    hw::pci_change(iommu.bdf, msi + kMsiControl, 2, kMsiEnable, on ? kMsiEnable : 0);
    const u64 control = hw::mmio_read64(iommu.registers + kControl);
    hw::mmio_write64(iommu.registers + kControl, on ? control | kEventInterruptOn : control & ~kEventInterruptOn);
}

} // namespace septum::kernel::iommu::amd_vi
