// SPDX-License-Identifier: Apache-2.0
// The partition's own PCI bus, by ports 0xCF8 and 0xCFC, and the one device that the area `devices` needs: an NVMe disk
// at 00:01.0, which `attack.devices` gives it.
#pragma once

#include <septum/guest/board.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::attacker::pci {

inline constexpr u32 kEnable = 1U << 31;
inline constexpr u32 kOwn = 1U << 11; // bus 0, device 1, function 0: bits 23:8 of the address port

// Configuration space (PCI 3.0 §6.1, §6.7, §6.8.2).
inline constexpr u32 kCommand = 0x04;
inline constexpr u32 kBar0 = 0x10;
inline constexpr u32 kBarEnd = 0x28;
inline constexpr u32 kRom = 0x30;
inline constexpr u32 kCapabilities = 0x34;
inline constexpr u32 kInterruptLine = 0x3C; // and the pin, in bits 15:8
inline constexpr u32 kSpace = 0x100;
inline constexpr u32 kIoDecode = 1U << 0;
inline constexpr u32 kMemoryAndMaster = 0x6;
inline constexpr u32 kSystemError = 1U << 8;
inline constexpr u32 kInterruptDisable = 1U << 10;
inline constexpr u32 kMsixId = 0x11;
inline constexpr u32 kMsixEnable = 1U << 31; // in the doubleword of the capability's header

inline void choose(u32 function, u32 offset) {
    guest::cpu::out32(guest::kPciAddressPort, kEnable | function | offset);
}
inline u32 read(u32 function, u32 offset) {
    choose(function, offset);
    return guest::cpu::in32(guest::kPciDataPort);
}
inline void write(u32 function, u32 offset, u32 value) {
    choose(function, offset);
    guest::cpu::out32(guest::kPciDataPort, value);
}

// Where a capability of the own device lies; 0: it has none of this id.
inline u32 find(u32 id) {
    u32 at = read(kOwn, kCapabilities) & 0xFC;
    for (u32 i = 0; i < 48 && at != 0; ++i) {
        const u32 header = read(kOwn, at);
        if ((header & 0xFF) == id) {
            return at;
        }
        at = header >> 8 & 0xFC;
    }
    return 0;
}

// Its registers, where the partition sees them at launch; the MSI-X table lies in them.
inline u64 registers() {
    return read(kOwn, kBar0) & ~0xFU;
}

// Its MSI-X table: for those that run on two CPUs at once, which share the address port, at its fixed place.
inline constexpr u64 kTableOffset = 0x2000;
inline constexpr u64 kTableAddress = guest::kPciBase + kTableOffset;
inline u64 table() {
    return registers() + kTableOffset;
}

} // namespace septum::attacker::pci
