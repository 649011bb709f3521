// SPDX-License-Identifier: Apache-2.0
#include "kernel/x86_64/svm/device.hpp"

#include "kernel/core/device.hpp"
#include "kernel/hw/mmio.hpp"
#include "kernel/hw/pci.hpp"
#include "kernel/x86_64/iommu/iommu.hpp"

namespace septum::kernel::svm {

namespace {

using core::DeviceAction;
using core::DeviceEffect;

// MSI capability (PCI 3.0 §6.8.1): message control, message address; data follows the address, which may be twice as long.
constexpr u32 kMsiControl = 2;
constexpr u32 kMsiAddress = 4;
constexpr u32 kMsiWritable = 0x71; // enable, multiple message enable

[[gnu::noinline]] void program_msi(PerCpu& cpu, const manifest::Device& device, const DeviceEffect& effect) {
    const u32 control = device.msi_at + kMsiControl;
    hw::pci_change(device.bdf, control, 2, kMsiWritable, 0);
    if (!effect.enabled) {
        return;
    }
    const iommu::Message message = iommu::remap(*cpu.header, device, 0, effect.route);
    for (u32 i = 1; i < effect.entries; i++) {
        core::Route route = effect.route;
        route.vector = static_cast<u8>(route.vector + i);
        iommu::remap(*cpu.header, device, i, route);
    }
    const bool wide = (device.msi_flags & manifest::kMsi64) != 0;
    hw::pci_write(device.bdf, device.msi_at + kMsiAddress, 4, message.address);
    if (wide) {
        hw::pci_write(device.bdf, device.msi_at + kMsiAddress + 4, 4, 0);
    }
    hw::pci_write(device.bdf, device.msi_at + kMsiAddress + (wide ? 8u : 4u), 2, message.data);
    hw::pci_change(device.bdf, control, 2, kMsiWritable, effect.control);
}

void unmask(PerCpu& cpu, const manifest::Device& device, const DeviceEffect& effect) {
    const Hpa entry = effect.address;
    const iommu::Message message = iommu::remap(*cpu.header, device, effect.entry, effect.route);
    hw::mmio_write32(entry, message.address);
    hw::mmio_write32(entry + 4, 0);
    hw::mmio_write32(entry + 8, message.data);
    hw::mmio_write32(entry + 12, 0);
}

u64 read_memory(Hpa address, u32 width) {
    switch (width) {
    case 1: return hw::mmio_read8(address);
    case 2: return hw::mmio_read16(address);
    case 4: return hw::mmio_read32(address);
    default: return hw::mmio_read64(address);
    }
}

void write_memory(Hpa address, u32 width, u64 value) {
    switch (width) {
    case 1: hw::mmio_write8(address, static_cast<u8>(value)); break;
    case 2: hw::mmio_write16(address, static_cast<u16>(value)); break;
    case 4: hw::mmio_write32(address, static_cast<u32>(value)); break;
    default: hw::mmio_write64(address, value); break;
    }
}

} // namespace

void apply_device(PerCpu& cpu, const DeviceEffect& effect) {
    const manifest::Device* device = cpu.manifest.devices.at(effect.device);
    if (device == nullptr) {
        return;
    }
    switch (effect.action) {
    case DeviceAction::config_read: {
        const u64 found = (hw::pci_read(device->bdf, effect.offset, effect.width) & effect.mask) | effect.value;
        u64& rax = cpu.state.registers[core::kRax];
        rax = core::merge_register(rax, found, effect.width);
        break;
    }
    case DeviceAction::config_write:
        hw::pci_change(device->bdf, effect.offset, effect.width, effect.mask, static_cast<u32>(effect.value));
        break;
    case DeviceAction::read: core::finish_load(cpu.state, effect.load, read_memory(effect.address, effect.width)); break;
    case DeviceAction::write: write_memory(effect.address, effect.width, effect.value); break;
    case DeviceAction::msi: program_msi(cpu, *device, effect); break;
    case DeviceAction::msix_mask: hw::mmio_write32(effect.address + 12, core::kMsixMasked); break;
    case DeviceAction::msix_unmask: unmask(cpu, *device, effect); break;
    case DeviceAction::none: break;
    }
}

} // namespace septum::kernel::svm
