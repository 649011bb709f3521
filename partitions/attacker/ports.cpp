// SPDX-License-Identifier: Apache-2.0
// Ports it was not given: absent ones answer as empty hardware does, dangerous ones end the launch.
#include "partitions/attacker/attack.hpp"

#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

extern "C" {
// ring3.S: OUTB of a value to a port in ring 3 with IOPL 3, on the given stack.
[[noreturn]] void attacker_out_in_ring3(septum::u64 stack, septum::u64 port, septum::u64 value);
}

#include "partitions/attacker/own_tables.hpp"

namespace septum::attacker::ports {
namespace {

namespace cpu = guest::cpu;

constexpr u16 kSecondSerial = 0x2F8;
constexpr u16 kPciAddress = 0xCF8;
constexpr u16 kPciData = 0xCFC;
constexpr u16 kReset = 0xCF9;
constexpr u16 kSystemManagement = 0xB2;
constexpr u16 kPowerBlock = 0x600; // ACPI power management on Q35
constexpr u16 kPowerControl = kPowerBlock + 4;

constexpr Result kWentThrough = breach("the access went through");
constexpr Result kSilent = nothing("nothing answers");

alignas(16) u8 user_stack[4096];

// All ones at every width.
bool absent(u16 port) {
    return cpu::in8(port) == 0xFF && cpu::in16(port) == 0xFFFF && cpu::in32(port) == ~0U;
}

// Writes bytes to ports, then looks whether any of them answers.
struct Write {
    u16 port;
    u8 value;
};
template <u64 kCount>
Result write_and_look(const Write (&writes)[kCount]) {
    for (const Write& each : writes) {
        cpu::out8(each.port, each.value);
    }
    for (const Write& each : writes) {
        if (cpu::in8(each.port) != 0xFF) {
            return breach("something answers");
        }
    }
    return kSilent;
}

// Ports whose use ends the launch, by any byte of the access; and those that end or start it anew by its own wish.
constexpr struct {
    u32 first, last;
} kEnding[] = {{0x92, 0x92}, {0xB2, 0xB3}, {0x600, 0x67F}, {0xCF9, 0xCF9}};
constexpr struct {
    u32 first, last;
} kOwn[] = {{0x3F8, 0x3FF}, {0xCF8, 0xCFF}, {0x5E00, 0x5E04}, {0x70, 0x71}};

template <typename Ranges>
bool touches(u32 port, u32 width, const Ranges& ranges) {
    for (const auto& range : ranges) {
        if (port <= range.last && port + width - 1 >= range.first) {
            return true;
        }
    }
    return false;
}

// Each port by byte; words and doublewords begin at every third and every seventh port, so on each offset.
bool left_out(u32 port, u32 width) {
    constexpr u32 kEvery[] = {0, 1, 3, 0, 7};
    return port % kEvery[width] != 0 || port + width > 0x1'0000 || touches(port, width, kEnding) ||
           touches(port, width, kOwn);
}

} // namespace

Result read_absent(const Try&) {
    return absent(kSecondSerial) ? nothing("there is none: all ones") : breach("something answers");
}

Result pci_configuration(const Try& t) {
    constexpr u32 kEnable = 1U << 31;
    u32 found = 0;
    for (u32 bus = 0; bus < 256; bus += 15) {
        for (u32 function = 0; function < 256; ++function) {
            cpu::out32(kPciAddress, kEnable | bus << 16 | function << 8);
            found += cpu::in32(kPciData) == ~0U ? 0 : 1;
        }
    }
    cpu::out32(kPciAddress, 0);
    t.note(found, " functions answer");
    return found == 0 ? nothing("no device answers") : breach("a device answers");
}

Result system_management(const Try&) {
    cpu::out8(kSystemManagement, 0);
    return kWentThrough;
}
Result system_management_status(const Try&) {
    cpu::out8(kSystemManagement + 1, 0);
    return kWentThrough;
}

Result power_management(const Try&) {
    cpu::out16(kPowerControl, 0x2000);
    return kWentThrough;
}

Result power_management_block(const Try& t) {
    switch (t.variant()) {
    case 0: (void)cpu::in16(kPowerBlock); break;        // PM1 status
    case 1: cpu::out16(kPowerBlock + 2, 0xFFFF); break; // PM1 enable
    case 2: (void)cpu::in32(kPowerBlock + 8); break;    // timer
    case 3: cpu::out32(kPowerBlock + 0x20, ~0U); break; // GPE0 status
    case 4: cpu::out32(kPowerBlock + 0x30, 0x1); break; // SMI enable
    case 5: (void)cpu::in32(kPowerBlock + 0x30); break;
    case 6: cpu::out16(kPowerBlock + 0x68, 0); break; // TCO control: the watchdog that resets
    default: cpu::out8(kPowerBlock + 0x7F, 0xFF); break;
    }
    return kWentThrough;
}

Result string_output(const Try&) {
    const char* text = "forged\n";
    u64 count = 7;
    u64 port = guest::kUartPort;
    asm volatile("rep outsb" : "+S"(text), "+c"(count), "+d"(port) : : "memory");
    return kWentThrough;
}

Result string_input(const Try&) {
    u64 to = 0x3000'0000;
    u64 count = 1024;
    u64 port = 0x80;
    asm volatile("rep insl" : "+D"(to), "+c"(count), "+d"(port) : : "memory");
    return kWentThrough;
}

Result string_reset(const Try&) {
    const char* values = "\x02\x06";
    u64 count = 2;
    u64 port = kReset;
    asm volatile("rep outsb" : "+S"(values), "+c"(count), "+d"(port) : : "memory");
    return kWentThrough;
}

Result straddle(const Try& t) {
    switch (t.variant()) {
    case 0: cpu::out16(0x91, 0x0300); break;
    case 1: cpu::out32(0x8F, 0x0300'0000); break;
    case 2: cpu::out16(0xB1, 0x0100); break;
    case 3: cpu::out32(0xAF, 0x0100'0000); break;
    case 4: cpu::out32(0x5FD, 0); break;
    default: cpu::out32(0xCF6, 0x0600'0000); break;
    }
    return kWentThrough;
}

// Bytes and words at the address port: the one at 0xCF9 is the reset register's and not tried here.
Result config_address_widths(const Try&) {
    cpu::out8(kPciAddress, 0xFF);
    for (u16 port = kPciAddress + 2; port < kPciData; ++port) {
        cpu::out8(port, 0xFF);
        (void)cpu::in8(port);
    }
    cpu::out16(kPciAddress + 2, 0x8000);
    (void)cpu::in16(kPciAddress + 2);
    for (u16 port = kPciData; port < kPciData + 4; ++port) {
        if (cpu::in8(port) != 0xFF) {
            return breach("the data port answers");
        }
    }
    return kSilent;
}

Result interrupt_controllers(const Try&) {
    return write_and_look({{0x20, 0x11},
                           {0x21, 0x40},
                           {0x21, 0x04},
                           {0x21, 0x01},
                           {0x21, 0x00},
                           {0xA0, 0x11},
                           {0xA1, 0x48},
                           {0xA1, 0x02},
                           {0xA1, 0x01},
                           {0xA1, 0x00},
                           {0x4D0, 0x00},
                           {0x4D1, 0x00}});
}

Result legacy_dma(const Try&) {
    return write_and_look({{0x0D, 0x00},
                           {0x0C, 0x00},
                           {0x04, 0x00},
                           {0x04, 0x00},
                           {0x83, 0x10},
                           {0x05, 0xFF},
                           {0x05, 0xFF},
                           {0x0B, 0x46},
                           {0x0A, 0x02},
                           {0x09, 0x06},
                           {0xD4, 0x00},
                           {0xDA, 0x00},
                           {0xD6, 0xC0},
                           {0xD2, 0x04}});
}

Result interval_timer(const Try&) {
    return write_and_look(
        {{0x43, 0x34}, {0x40, 0x01}, {0x40, 0x00}, {0x43, 0xB6}, {0x42, 0x01}, {0x42, 0x00}, {0x61, 0x03}});
}

// Ports 0x70 and 0x71 read zero on this board: a stock Linux would wait for a clock that is not there.
Result cmos(const Try&) {
    for (u32 index = 0; index < 256; ++index) {
        cpu::out8(0x70, static_cast<u8>(index));
        cpu::out8(0x71, 0xA5);
        if (cpu::in8(0x71) != 0) {
            return breach("a register answers");
        }
    }
    cpu::out8(0x72, 0xFF);
    return absent(0x72) ? kSilent : breach("the second bank answers");
}

Result emulator_backdoors(const Try&) {
    // Firmware configuration (0x510), its DMA (0x514), debug console (0x402, 0xE9), debug exit (0xF4, 0x501), panic
    // event (0x505), hot-plug of PCI, CPUs and memory (0xAE00, 0xCD8, 0xA00).
    constexpr u16 kPorts[] = {0x402, 0xE9, 0xF4, 0x501, 0x505, 0x510, 0x511, 0x514, 0x518, 0xAE00, 0xCD8, 0xA00};
    for (const u16 port : kPorts) {
        cpu::out8(port, 0);
        cpu::out16(port, 0);
        cpu::out32(port, 0);
        if (!absent(port)) {
            return breach("something answers");
        }
    }
    u32 eax = 0x564D'5868; // VMware's: command 10, version
    u32 ebx = 0;
    u32 ecx = 10;
    u32 edx = 0x5658;
    asm volatile("inl %%dx, %%eax" : "+a"(eax), "+b"(ebx), "+c"(ecx), "+d"(edx) : : "memory");
    return eax == ~0U && ebx == 0 ? kSilent : breach("VMware's port answers");
}

Result console_widths(const Try&) {
    for (u16 port = guest::kUartPort; port < guest::kUartPort + 8; ++port) {
        if (cpu::in16(port) != 0xFFFF || cpu::in32(port) != ~0U) {
            return breach("a wide access answers");
        }
        cpu::out16(port, 0x4242);
        cpu::out32(port, 0x4242'4242);
    }
    return kSilent;
}

Result read_all(const Try& t) {
    u32 tried = 0;
    for (u32 port = 0; port < 0x1'0000; ++port) {
        const u32 widths[] = {1U, 2U, 4U};
        for (const u32 width : widths) {
            if (left_out(port, width)) {
                continue;
            }
            const auto at = static_cast<u16>(port);
            const bool silent = width == 1   ? cpu::in8(at) == 0xFF
                                : width == 2 ? cpu::in16(at) == 0xFFFF
                                             : cpu::in32(at) == ~0U;
            ++tried;
            if (!silent) {
                t.note("port ", guest::Hex{port}, ", ", width, " bytes");
                return breach("something answers");
            }
        }
    }
    t.note(tried, " reads");
    return kSilent;
}

Result write_all(const Try& t) {
    u32 tried = 0;
    for (u32 port = 0; port < 0x1'0000; ++port) {
        const u32 widths[] = {1U, 2U, 4U};
        for (const u32 width : widths) {
            if (left_out(port, width)) {
                continue;
            }
            const auto at = static_cast<u16>(port);
            switch (width) {
            case 1: cpu::out8(at, 0xFF); break;
            case 2: cpu::out16(at, 0xFFFF); break;
            default: cpu::out32(at, ~0U); break;
            }
            ++tried;
        }
    }
    t.note(tried, " writes");
    return nothing("all were dropped");
}

Result wrap_around(const Try&) {
    cpu::out16(0xFFFF, 0);
    const u16 ports[] = {0xFFFD, 0xFFFE, 0xFFFF};
    for (const u16 port : ports) {
        cpu::out32(port, 0);
        if (cpu::in32(port) != ~0U) {
            return breach("something answers");
        }
    }
    return kSilent;
}

Result ring3_with_iopl(const Try&) {
    map_everything(0); // for ring 3 too
    attacker_out_in_ring3(reinterpret_cast<u64>(user_stack) + sizeof(user_stack), kReset, 0x06);
}

} // namespace septum::attacker::ports
