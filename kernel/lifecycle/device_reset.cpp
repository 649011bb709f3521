// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/device_reset.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/hw/pci.hpp"

namespace septum::kernel::lifecycle {

namespace {

using manifest::Device;
using manifest::ResetKind;

// Configuration registers (PCI 3.0 §6.1, §6.7; PCI-to-PCI bridge 1.2 §3.2.5.18).
constexpr u32 kVendor = 0x00;
constexpr u32 kCommand = 0x04;
constexpr u32 kBars = 0x10;
constexpr u32 kBridgeControl = 0x3E;
constexpr u32 kBusMaster = 1u << 2;
constexpr u32 kIntxDisable = 1u << 10;
constexpr u32 kSecondaryReset = 1u << 6;

// Power management (PCI PM 1.2 §3.2), at its capability.
constexpr u32 kPowerId = 1;
constexpr u32 kPowerControl = 4;
constexpr u32 kPowerState = 3;
constexpr u32 kD0 = 0;
constexpr u32 kD3hot = 3;
constexpr u64 kPowerMs = 10;

// PCI Express (PCIe 6.0 §7.5.3) and Advanced Features (PCI AF ECN), at their capabilities.
constexpr u32 kDeviceControl = 8;
constexpr u32 kDeviceStatus = 10;
constexpr u32 kInitiateFlr = 1u << 15;
constexpr u32 kTransactionsPending = 1u << 5;
constexpr u32 kAfControl = 4;
constexpr u32 kAfStatus = 5;

constexpr u32 kMessageControl = 2; // of MSI and MSI-X (PCI 3.0 §6.8)
constexpr u32 kMsiEnable = 1u << 0;
constexpr u32 kMsixEnable = 1u << 15;

constexpr u64 kDrainMs = 100;
constexpr u64 kAnswerMs = 1000;
constexpr u64 kBusResetMs = 2; // at least 1 ms (PCI 3.0 §4.3.2: Trst)

// True when `holds` within so many milliseconds.
template <typename Condition>
bool within(u64 milliseconds, u64 tsc_hz, Condition&& holds) {
    const u64 start = hw::read_tsc();
    const u64 patience = tsc_hz / 1000 * milliseconds;
    while (!holds()) {
        if (hw::read_tsc() - start > patience) {
            return false;
        }
        hw::pause();
    }
    return true;
}

void set_power(u32 bdf, u32 capability, u32 state, u64 tsc_hz) {
    if ((hw::pci_read(bdf, capability + kPowerControl, 2) & kPowerState) != state) {
        hw::pci_change(bdf, capability + kPowerControl, 2, kPowerState, state);
        wait_ms(kPowerMs, tsc_hz);
    }
}

bool is_idle(const Device& device) {
    switch (device.reset) {
    case ResetKind::flr: return (hw::pci_read(device.bdf, device.reset_at + kDeviceStatus, 2) & kTransactionsPending) == 0;
    case ResetKind::af_flr: return (hw::pci_read(device.bdf, device.reset_at + kAfStatus, 1) & 1) == 0;
    default: return true;
    }
}

} // namespace

void wait_ms(u64 milliseconds, u64 tsc_hz) {
    within(milliseconds, tsc_hz, [] { return false; });
}

void silence_device(const Device& device, u64 tsc_hz) {
    const u32 power = hw::pci_find_capability(device.bdf, kPowerId);
    if (power != 0) {
        set_power(device.bdf, power, kD0, tsc_hz);
    }
    hw::pci_change(device.bdf, kCommand, 2, kBusMaster | kIntxDisable, kIntxDisable);
    within(kDrainMs, tsc_hz, [&device] { return is_idle(device); }); // if not, the reset ends it
}

void begin_reset(const Device& device, u64 tsc_hz) {
    switch (device.reset) {
    case ResetKind::flr:
        hw::pci_change(device.bdf, device.reset_at + kDeviceControl, 2, kInitiateFlr, kInitiateFlr);
        break;
    case ResetKind::af_flr: hw::pci_write(device.bdf, device.reset_at + kAfControl, 1, 1); break;
    case ResetKind::power:
        set_power(device.bdf, device.reset_at, kD3hot, tsc_hz);
        set_power(device.bdf, device.reset_at, kD0, tsc_hz);
        break;
    case ResetKind::bus:
        hw::pci_change(device.bridge, kBridgeControl, 2, kSecondaryReset, kSecondaryReset);
        wait_ms(kBusResetMs, tsc_hz);
        hw::pci_change(device.bridge, kBridgeControl, 2, kSecondaryReset, 0);
        break;
    case ResetKind::none: break;
    }
}

bool comes_back(const Device& device, u64 tsc_hz) {
    return within(kAnswerMs, tsc_hz, [&device] {
        const u32 vendor = hw::pci_read(device.bdf, kVendor, 2);
        return vendor != 0xFFFF && vendor != 0x0001; // not there, or asks for more time (PCIe 6.0 §2.3.2)
    });
}

bool program_device(const Device& device, const manifest::Bar* bars) {
    hw::pci_write(device.bdf, kCommand, 2, kIntxDisable);
    if (device.msi_at != 0) {
        hw::pci_change(device.bdf, device.msi_at + kMessageControl, 2, kMsiEnable, 0);
    }
    if (device.msix_at != 0) {
        hw::pci_change(device.bdf, device.msix_at + kMessageControl, 2, kMsixEnable, 0);
    }
    bool stays = true;
    for (u32 i = 0; i < device.bars.count; i++) {
        const u64 base = bars[i].memory.base.value;
        const u32 at = kBars + bars[i].number * 4u;
        hw::pci_write(device.bdf, at, 4, static_cast<u32>(base));
        stays = stays && (hw::pci_read(device.bdf, at, 4) & ~0xFu) == static_cast<u32>(base);
        if ((bars[i].flags & manifest::kBar64) != 0) {
            hw::pci_write(device.bdf, at + 4, 4, static_cast<u32>(base >> 32));
            stays = stays && hw::pci_read(device.bdf, at + 4, 4) == static_cast<u32>(base >> 32);
        }
    }
    return stays;
}

} // namespace septum::kernel::lifecycle
