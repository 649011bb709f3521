// SPDX-License-Identifier: Apache-2.0
// Configuration space, by a partition that has a device: its own function's registers, and all the others.
#include "partitions/attacker/attack.hpp"
#include "partitions/attacker/pci.hpp"

namespace septum::attacker::devices {
namespace {

namespace cpu = guest::cpu;
using namespace pci;

constexpr u32 kFunctions = 65'536; // of a segment: bus, device and function
constexpr u64 kVersion = 0x08;     // a register of the disk that is not zero
constexpr u16 kData = guest::kPciDataPort;
constexpr u16 kAddress = guest::kPciAddressPort;

// What must never change, whatever is written.
struct Fixed {
    u32 id, kind, subsystem, first, headers[48];
    u32 count;
};

Fixed look() {
    Fixed seen{read(kOwn, 0), read(kOwn, 8), read(kOwn, 0x2C), read(kOwn, kCapabilities), {}, 0};
    for (u32 at = seen.first & 0xFC; at != 0 && seen.count < 48; at = seen.headers[seen.count - 1] >> 8 & 0xFC) {
        seen.headers[seen.count++] = read(kOwn, at) & 0xFFFF; // id and next pointer
    }
    return seen;
}

bool same(const Fixed& a, const Fixed& b) {
    if (a.id != b.id || a.kind != b.kind || a.subsystem != b.subsystem || a.first != b.first || a.count != b.count) {
        return false;
    }
    for (u32 i = 0; i < a.count; ++i) {
        if (a.headers[i] != b.headers[i]) {
            return false;
        }
    }
    return true;
}

void write_by(u32 width, u32 offset, u32 value) {
    for (u32 i = 0; i < 4; i += width) {
        choose(kOwn, offset);
        const u16 port = static_cast<u16>(kData + i);
        switch (width) {
        case 1: cpu::out8(port, static_cast<u8>(value)); break;
        case 2: cpu::out16(port, static_cast<u16>(value)); break;
        default: cpu::out32(port, value); break;
        }
    }
}

// Null: all is as it must be.
const char* what_changed(const Fixed& before) {
    const u32 command = read(kOwn, kCommand);
    if ((command & kIoDecode) != 0 || (command & kInterruptDisable) == 0) {
        return "the device decodes I/O, or raises legacy interrupts";
    }
    if (read(kOwn, kRom) != 0 || (read(kOwn, kInterruptLine) & 0xFF00) != 0) {
        return "there is a ROM or an interrupt pin";
    }
    return same(before, look()) ? nullptr : "an id, a class or a capability's place changed";
}

} // namespace

Result own_registers(const Try& t) {
    const u32 width = 1U << t.variant();
    const u64 registers = pci::registers();
    const Fixed before = look();
    write(kOwn, kCommand, kMemoryAndMaster);
    const volatile u32& version = *reinterpret_cast<volatile u32*>(registers + kVersion);
    const u32 expected = version;
    if (before.count == 0 || expected == 0 || expected == ~0U) {
        return breach("its device is not there");
    }
    const u32 values[] = {~0U, 0xA5A5'A5A5U, 0U};
    for (const u32 value : values) {
        for (u32 offset = 0; offset < kSpace; offset += 4) {
            write_by(width, offset, value);
        }
        if (const char* how = what_changed(before); how != nullptr) {
            t.note("after ", guest::Hex{value}, " everywhere");
            return breach(how);
        }
    }
    for (u32 bar = kBar0; bar < kBarEnd; bar += 4) {
        write(kOwn, bar, 0x3000'0000);
    }
    write(kOwn, kCommand, kMemoryAndMaster);
    t.note(before.count, " capabilities, registers at ", guest::Hex{registers});
    return version == expected ? nothing("it is the same device at the same place") : breach("its registers moved");
}

Result other_functions(const Try& t) {
    u32 found = 0;
    for (u32 at = 0; at < kFunctions << 8; at += 1U << 8) {
        found += read(at, 0) == ~0U ? 0 : 1;
    }
    t.note(found, " functions answer");
    return found == 2 ? nothing("only the host bridge and its own do") : breach("another function answers");
}

Result write_other_functions(const Try& t) {
    u32 dropped = 0;
    for (u32 at = 0; at < kFunctions << 8; at += 1U << 8) {
        if (at == 0 || at == kOwn) {
            continue;
        }
        const u32 offset = at % (2U << 8) == 0 ? kCommand : kBar0;
        write(at, offset, 0xF000'0407);
        const bool has_devices = at < 4U << 16; // of this machine; the others are only written, for time's sake
        if (has_devices && cpu::in32(kData) != ~0U) {
            return breach("a register of another's answers");
        }
        ++dropped;
    }
    t.note(dropped, " functions written");
    return nothing("all was dropped");
}

Result host_bridge(const Try&) {
    u32 before[kSpace / 4];
    for (u32 i = 0; i < kSpace / 4; ++i) {
        before[i] = read(0, i * 4);
    }
    const u32 values[] = {~0U, 0U};
    for (const u32 value : values) {
        for (u32 i = 0; i < kSpace / 4; ++i) {
            write(0, i * 4, value);
        }
        for (u32 i = 0; i < kSpace / 4; ++i) {
            if (read(0, i * 4) != before[i]) {
                return breach("a register of the host bridge changed");
            }
        }
    }
    return nothing("it is constant");
}

Result port_widths(const Try&) {
    for (u32 offset = 0; offset < kSpace; offset += 4) {
        const u32 whole = read(kOwn, offset);
        for (u32 i = 0; i < 4; ++i) {
            const u16 port = static_cast<u16>(kData + i);
            if (cpu::in8(port) != (whole >> i * 8 & 0xFF) || (i < 3 && cpu::in16(port) != (whole >> i * 8 & 0xFFFF))) {
                return breach("a byte or a word reads otherwise than its doubleword");
            }
        }
    }
    choose(kOwn, kCommand);
    const u32 command = cpu::in32(kData);
    // A word at an odd byte: of a register that is the hardware's, and of one that is virtual.
    cpu::out16(kData + 1, kSystemError >> 8);
    if (cpu::in32(kData) != ((command & 0xFFFF'00FF) | kSystemError | (command & kInterruptDisable))) {
        return breach("a word at an odd byte writes otherwise than its bytes");
    }
    cpu::out16(kData + 1, static_cast<u16>((command & 0xFFFF) >> 8));
    const u32 bar = read(kOwn, kBar0);
    write(kOwn, kBar0, 0x1234'0000);
    cpu::out16(kData + 1, 0xABC0);
    if (cpu::in32(kData) != (0x12AB'C000 | (bar & 0xF))) {
        return breach("a word at an odd byte of a BAR writes otherwise than its bytes");
    }
    write(kOwn, kBar0, bar);
    choose(kOwn, kCommand);
    // Out of the data port at either end, and parts of the address port but 0xCF9, which is the reset register's.
    cpu::out16(kData + 3, 0x0707);
    cpu::out16(kData - 1, 0x0707);
    for (u16 i = 1; i < 4; ++i) {
        cpu::out32(static_cast<u16>(kData + i), 0x0707'0707);
        if (cpu::in32(static_cast<u16>(kData + i)) != ~0U) {
            return breach("an access across the data port's end answers");
        }
    }
    for (u16 i = 2; i < 4; ++i) {
        cpu::out8(static_cast<u16>(kAddress + i), 0);
        cpu::out32(static_cast<u16>(kAddress + i), 0x0707'0707);
        if (cpu::in8(static_cast<u16>(kAddress + i)) != 0xFF || cpu::in32(static_cast<u16>(kAddress + i)) != ~0U) {
            return breach("a part of the address port answers");
        }
    }
    cpu::out8(kAddress, 0);
    cpu::out16(kAddress + 2, 0);
    cpu::out32(kAddress - 3, ~0U);
    if (cpu::in16(kData + 3) != 0xFFFF || cpu::in16(kData - 1) != 0xFFFF || cpu::in8(kAddress) != 0xFF ||
        cpu::in32(kAddress) != (kEnable | kOwn | kCommand) || cpu::in32(kData) != command) {
        return breach("the address or the register changed");
    }
    for (u32 bit = 24; bit < 31; ++bit) { // reserved bits, and no enable
        cpu::out32(kAddress, kEnable | kOwn | 1U << bit);
        if (cpu::in32(kData) != ~0U) {
            return breach("an address with a reserved bit answers");
        }
    }
    cpu::out32(kAddress, kOwn);
    return cpu::in32(kData) == ~0U ? nothing("only whole accesses count") : breach("an address without enable answers");
}

Result reset_between_ports(const Try& t) {
    switch (t.variant()) {
    case 0: cpu::out8(kAddress + 1, 0x06); break;
    case 1: cpu::out16(kAddress, 0x0600); break;
    case 2: cpu::out16(kAddress + 1, 0x0006); break;
    case 3: cpu::out32(kAddress + 1, 0x0006); break;
    case 4: cpu::out32(kAddress - 1, 0x0006'0000); break;
    default: cpu::out32(kAddress - 2, 0x0600'0000); break;
    }
    return breach("the access went through");
}

// Of the board qemu-q35-devices: its own function's and another's registers by the ECAM window, its own and others'
// BARs where the machine has them, and what is seen next to its own.
Result foreign_registers(const Try& t) {
    constexpr u64 kPlaces[] = {0xB010'0004, 0xB020'0004, 0xF000'0000, 0xF020'0000,
                               0xF040'0000, 0xF060'0000, 0xE000'4000};
    *reinterpret_cast<volatile u32*>(kPlaces[t.variant()]) = 0;
    return breach("the write went through");
}

} // namespace septum::attacker::devices
