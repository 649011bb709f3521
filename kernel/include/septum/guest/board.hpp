// SPDX-License-Identifier: Apache-2.0
// The virtual board a partition runs on. The same on every machine; fixed here, encoded offline, seen by guests.
#pragma once

#include <septum/types.hpp>

namespace septum::guest {

// Guest-physical map. RAM is [0, min(size, 3 GiB)) and, for what is more, from 4 GiB on.
inline constexpr u64 kLowRamLimit = 0xC000'0000;
inline constexpr u64 kHighRamBase = 0x1'0000'0000;
inline constexpr u64 kFirmwareBase = 0xE'0000;   // [0xE0000, 0x100000): reserved in the guest's memory map
inline constexpr u64 kAcpiBase = 0xE'0000;       // Linux: RSDP, XSDT, FADT, MADT, DSDT
inline constexpr u64 kPageTablesBase = 0xE'0000; // native: identity page tables over the first 4 GiB (2 MiB pages), 6 pages
inline constexpr u64 kInfoBase = 0xF'0000;       // GuestInfo (septum/guest/info.hpp), one page
inline constexpr u64 kResetStub = 0xF'FFF0;      // Linux: code that writes kResetPort, reached by a jump to FFFF:0
inline constexpr u64 kNativeLoadBase = 0x10'0000; // native ELFs are linked at or above this
inline constexpr u64 kChannelBase = 0xD000'0000; // channels, in manifest order, each on a 2 MiB boundary
inline constexpr u64 kChannelLimit = 0xE000'0000;
inline constexpr u64 kPciBase = 0xE000'0000;     // BARs of the partition's own devices, each on a boundary of its size
inline constexpr u64 kPciLimit = 0xFEC0'0000;
inline constexpr u64 kEventLogBase = 0xCFE0'0000; // the event log, read-only, where the file grants it

// Ports.
inline constexpr u16 kPciAddressPort = 0xCF8;    // PCI configuration mechanism #1, the partition's own bus 0 only
inline constexpr u16 kPciDataPort = 0xCFC;
inline constexpr u16 kUartPort = 0x3F8;          // 16550, eight ports, polled, no interrupt
inline constexpr u16 kSleepPort = 0x5E00;        // ACPI SLEEP_CONTROL_REG (ACPI 6.5 §4.8.3.7): write 0x34 = power off
inline constexpr u16 kSleepStatusPort = 0x5E01;  // ACPI SLEEP_STATUS_REG: reads zero
inline constexpr u16 kResetPort = 0x5E02;        // any write restarts the partition
inline constexpr u16 kDoorbellPort = 0x5E04;     // write a byte c: ring channel c; read a byte: next rung channel, 0xFF for none

inline constexpr u8 kSleepPowerOff = 0x34;       // SLP_TYPx = 5, SLP_EN

} // namespace septum::guest
