// SPDX-License-Identifier: Apache-2.0
#include "kernel/hw/pci.hpp"

#include "kernel/hw/port.hpp"
#include "kernel/hw/turn.hpp"

namespace septum::kernel::hw {

namespace {

constexpr u16 kAddressPort = 0xCF8;
constexpr u16 kDataPort = 0xCFC;
constexpr u32 kEnable = 1u << 31;

constinit TurnLock ports;

u16 select(u32 bdf, u32 offset) {
    out32(kAddressPort, kEnable | (bdf & 0xFFFF) << 8 | (offset & 0xFC));
    return static_cast<u16>(kDataPort + (offset & 3));
}

u32 read(u32 bdf, u32 offset, u32 width) {
    const u16 port = select(bdf, offset);
    switch (width) {
    case 1: return in8(port);
    case 2: return (offset & 1) != 0 ? in32(kDataPort) >> 8 & 0xFFFF : in16(port);
    default: return in32(port);
    }
}

void write(u32 bdf, u32 offset, u32 width, u32 value) {
    const u16 port = select(bdf, offset);
    if (width == 4) {
        out32(port, value);
    } else if (width == 2 && (offset & 1) == 0) {
        out16(port, static_cast<u16>(value));
    } else {
        for (u32 i = 0; i < width; i++) {
            out8(static_cast<u16>(port + i), static_cast<u8>(value >> 8 * i));
        }
    }
}

} // namespace

u32 pci_read(u32 bdf, u32 offset, u32 width) {
    const Turn turn(ports);
    return read(bdf, offset, width);
}

void pci_write(u32 bdf, u32 offset, u32 width, u32 value) {
    const Turn turn(ports);
    write(bdf, offset, width, value);
}

void pci_change(u32 bdf, u32 offset, u32 width, u32 mask, u32 value) {
    const Turn turn(ports);
    write(bdf, offset, width, (read(bdf, offset, width) & ~mask) | (value & mask));
}

u32 pci_find_capability(u32 bdf, u32 id) {
    constexpr u32 kFirst = 0x34;
    constexpr u32 kMost = 48; // as many as fit behind the header
    u32 at = pci_read(bdf, kFirst, 1) & 0xFC;
    for (u32 i = 0; i < kMost && at != 0; i++) {
        if (pci_read(bdf, at, 1) == id) {
            return at;
        }
        at = pci_read(bdf, at + 1, 1) & 0xFC;
    }
    return 0;
}

} // namespace septum::kernel::hw
