// SPDX-License-Identifier: Apache-2.0
// A partition with three PCI functions: the virtual host bridge, a disk with MSI-X, a plain card with MSI.
#pragma once

#include "fixture.hpp"
#include "kernel/core/device.hpp"

#include <memory>

namespace septum::kernel::core {

inline constexpr u64 kTableGpa = 0xE000'2000; // the disk's BAR 0 is at 0xE0000000, its table two pages further
inline constexpr u64 kTableHpa = 0xFE80'2000;
inline constexpr u32 kHardwareEntries = 200; // of which the partition sees 5
inline constexpr u32 kDisk = 1;
inline constexpr u32 kCard = 2;

struct DeviceMachine : Machine {
    std::vector<manifest::Device> devices;
    std::vector<manifest::Bar> bars;
    std::vector<manifest::PciRegister> registers;
    std::unique_ptr<DeviceState[]> states = std::make_unique<DeviceState[]>(2);

    DeviceMachine() {
        using enum manifest::PciAnswer;
        // A foreign device's register and BAR come first: slices must be respected.
        registers = {
            {0x00, constant, 0, 0, 0, 0xDEAD'BEEF, 0, 0},
            {0x00, constant, 0, 0, 0, 0x0008'1B36, 0, 0}, // host bridge
            {0x08, constant, 0, 0, 0, 0x0600'0000, 0, 0},
            {0x00, hardware, 0, 0, 0xFFFF'FFFF, 0, 0, 0}, // disk
            {0x04, hardware, 0, 0, 0xFFFF'FFFE, 0x0000'0400, 0x0000'0146, 0xF900'0000},
            {0x10, bar_low, 0, 0, 0, 0, 0, 0},
            {0x14, bar_high, 0, 0, 0, 0, 0, 0},
            {0x34, constant, 0, 0, 0, 0x40, 0, 0},
            {0x40, msix_control, 0, 0, 0xC000'0000, 0x0004'0011, 0xC000'0000, 0},
            {0x10, bar_low, 1, 0, 0, 0, 0, 0}, // card: BAR 2 in the second place of its slice
            {0x18, bar_low, 0, 0, 0, 0, 0, 0},
            {0x50, msi_control, 0, 0, 0, 0x0084'0005, 0, 0}, // 64 bits, four vectors
            {0x54, msi_address, 0, 0, 0, 0, 0, 0},
            {0x58, msi_address_high, 0, 0, 0, 0, 0, 0},
            {0x5C, msi_data, 0, 0, 0, 0, 0, 0},
        };
        bars = {{0, 0, 0, 0, Gpa{0xE100'0000}, {Hpa{0xFE00'0000}, 0x1000}},
                {1, 0, manifest::kBar64, 0, Gpa{0xE000'0000}, {Hpa{0xFE80'0000}, 0x4000}},
                {2, 2, manifest::kBarPrefetchable, 0, Gpa{0xE010'0000}, {Hpa{0xFEA0'0000}, 0x10'0000}}};
        devices.resize(3);
        devices[0].bdf = manifest::kNobody;
        devices[0].virtual_bdf = 0;
        devices[0].msix_bar = ~0u;
        devices[0].registers = {1, 2};
        devices[kDisk].bdf = 0x0100;
        devices[kDisk].virtual_bdf = 1 << 3;
        devices[kDisk].msix_at = 0x40;
        devices[kDisk].handles = 5;
        devices[kDisk].msix_bar = 1;
        devices[kDisk].msix_offset = 0x2000;
        devices[kDisk].msix_entries = kHardwareEntries;
        devices[kDisk].registers = {3, 6};
        devices[kDisk].bars = {1, 1};
        devices[kCard].bdf = 0x0210;
        devices[kCard].virtual_bdf = 2 << 3;
        devices[kCard].msi_at = 0x50;
        devices[kCard].msi_flags = manifest::kMsi64;
        devices[kCard].handles = 4;
        devices[kCard].msix_bar = ~0u;
        devices[kCard].registers = {9, 6};
        devices[kCard].bars = {2, 1};
        ports.insert(ports.begin() + 3, {0xCF8, 0xCF8, manifest::PortAnswer::pci_address, 0, 0});
        ports.insert(ports.begin() + 5, {0xCFC, 0xCFF, manifest::PortAnswer::pci_data, 0, 0});
        manifest.ports = {ports.data(), static_cast<u32>(ports.size())};
        manifest.devices = {devices.data(), 3};
        manifest.bars = {bars.data(), static_cast<u32>(bars.size())};
        manifest.pci_registers = {registers.data(), static_cast<u32>(registers.size())};
        manifest.device_states = {states.get(), 2};
        reset_device_state(&bars[1], 1, states[0]);
        reset_device_state(&bars[2], 1, states[1]);
    }

    static constexpr u32 address(u32 device, u32 offset, u32 function = 0, u32 bus = 0) {
        return 0x8000'0000 | bus << 16 | device << 11 | function << 8 | (offset & 0xFC);
    }
    u32 config_in(u32 device, u32 offset, u8 width = 4) {
        out(0xCF8, address(device, offset), 4);
        cpu.registers[kRax] = 0;
        in(static_cast<u16>(0xCFC + offset % 4), width);
        return static_cast<u32>(rax());
    }
    void config_out(u32 device, u32 offset, u32 value, u8 width = 4) {
        out(0xCF8, address(device, offset), 4);
        out(static_cast<u16>(0xCFC + offset % 4), value, width);
    }
    [[nodiscard]] const DeviceEffect& device() const { return cpu.device; }

    Mov mov;
    // A memory exit, as svm/ reports it: with `mov` for its instruction.
    void touch(u8 access, u64 address) {
        step({.kind = ExitKind::memory, .access = access, .address = address, .mov = &mov});
    }
    // A load of `width` bytes into RCX, or a store of RCX.
    void load(u64 address, u8 width) {
        mov = {.width = width, .target_width = width, .reg = kRcx};
        touch(manifest::kRead, address);
    }
    void store(u64 address, u64 value, u8 width = 4) {
        mov = {.width = width, .target_width = width, .reg = kRcx, .store = true};
        cpu.registers[kRcx] = value;
        touch(manifest::kWrite, address);
    }
    [[nodiscard]] u64 rcx() const { return cpu.registers[kRcx]; }
};

} // namespace septum::kernel::core
