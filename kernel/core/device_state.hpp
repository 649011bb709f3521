// SPDX-License-Identifier: Apache-2.0
// What the owner of a PCI function wrote, as it reads it back: nothing here reaches the hardware without a decision.
#pragma once

#include <septum/manifest/layout.hpp>
#include <septum/manifest/manifest.hpp>

namespace septum::kernel::core {

// One virtual entry of an MSI-X table (PCI 3.0 §6.8.2): message address, upper address, data, vector control.
enum MsixWord : u32 { kMsixAddress = 0, kMsixAddressHigh = 1, kMsixData = 2, kMsixControl = 3 };
inline constexpr u32 kMsixMasked = 1; // vector control

struct MsixEntry {
    u32 words[4] = {0, 0, 0, kMsixMasked};
};
static_assert(sizeof(MsixEntry) == 16);

// Lies in the DeviceBlock. The CPUs of one partition may race for it as they may for the real registers, so that every
// word is read once and written once, by __atomic builtins; a decision rests on what it has read itself.
struct alignas(kPageSize) DeviceState {
    u32 bars[manifest::kMaxBars] = {}; // by register number: as last written, not as read
    u32 msi_control = 0;  // enable (bit 0) and multiple message enable (bits 6:4), as in the capability (PCI 3.0 §6.8.1.3)
    u32 msi_address = 0;
    u32 msi_address_high = 0;
    u32 msi_data = 0;
    u8 reserved0[layout::DeviceBlock::kMsix - 10 * sizeof(u32)] = {};
    MsixEntry msix[manifest::kMaxMsixEntries];
};
static_assert(sizeof(DeviceState) == layout::DeviceBlock::kSize);
static_assert(offsetof(DeviceState, msix) == layout::DeviceBlock::kMsix);

// As after a reset of the function: base addresses where the planner put them, MSI off, every MSI-X entry masked. Called at
// launch and, by lifecycle::restore_devices(), before a partition begins again; `bars` are those of the device.
void reset_device_state(const manifest::Bar* bars, u32 count, DeviceState& state);

} // namespace septum::kernel::core
