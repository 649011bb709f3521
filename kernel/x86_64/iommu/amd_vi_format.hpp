// SPDX-License-Identifier: Apache-2.0
// Registers, commands and entries of AMD-Vi (AMD I/O Virtualization Technology Specification, 48882, revision 3), as far as
// the kernel writes or reads them. Pure.
#pragma once

#include "kernel/x86_64/iommu/fault.hpp"
#include "kernel/x86_64/iommu/order.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::iommu::amd_vi {

// Registers (§3.4).
inline constexpr u64 kEventLog = 0x10;
inline constexpr u64 kControl = 0x18;
inline constexpr u64 kCommandTail = 0x2008;
inline constexpr u64 kEventHead = 0x2010;
inline constexpr u64 kEventTail = 0x2018;
inline constexpr u64 kStatus = 0x2020;

// Extended features.
inline constexpr u64 kGuestApicSupport = 1u << 7;   // GASup: 128-bit interrupt entries

// Control.
inline constexpr u64 kEventLogOn = 1u << 2;
inline constexpr u64 kEventInterruptOn = 1u << 3;

// Status.
inline constexpr u64 kEventOverflow = 1u << 0;
inline constexpr u64 kEventInterrupt = 1u << 1;
inline constexpr u64 kEventLogRuns = 1u << 3;

inline constexpr u64 kDeviceEntry = 32;
inline constexpr u64 kOnePageOf16 = 8ULL << 56; // ComLen, EventLen: 2^8 entries of 16 bytes, the least there is

// Commands (§2.4). The opcode is in bits 63:60 of the first half.
constexpr Order forget_device(u16 bdf) { return {2ULL << 60 | bdf, 0}; }
constexpr Order forget_domain(u16 domain) {
    return {3ULL << 60 | u64{domain} << 32, 0x7FFF'FFFF'FFFF'F000ULL | 3}; // every address, page directories too
}
constexpr Order forget_interrupts(u16 bdf) { return {5ULL << 60 | bdf, 0}; }
// Writes kDone to `where` (8-byte aligned) when all before it is done.
constexpr Order wait(Hpa where) { return {1ULL << 60 | where.value | 1, kDone}; }

// Device table entry (§2.2.2.1), by quadword.
inline constexpr u64 kReadWrite = 3ULL << 61;           // 0: IR, IW
inline constexpr u64 kSuppress = 1ULL << 34;            // 1: SA, no event of this device is logged
inline constexpr u64 kInterruptControl = 3ULL << 60;    // 2: IntCtl
inline constexpr u64 kInterruptsRemapped = 2ULL << 60;  // 2: IntCtl = 10b; 00b: target abort

// Interrupt table entry (§2.2.5.2, §2.2.5.3): fixed, edge, physical destination.
struct WideEntry {
    u64 low;
    u64 high;
};
inline constexpr u64 kRemapped = 1u << 0;
[[gnu::always_inline]] constexpr u32 narrow_entry(u8 vector, u32 apic_id) {
    return static_cast<u32>(kRemapped | (apic_id & 0xFF) << 8 | u32{vector} << 16);
}
[[gnu::always_inline]] constexpr WideEntry wide_entry(u8 vector, u32 apic_id) {
    return {kRemapped | u64{apic_id & 0xFF'FFFF} << 8, vector | u64{apic_id >> 24} << 56};
}

// Entries have 128 bits: fixed by the manifest, so that the boot part and the resident part cannot differ.
[[gnu::always_inline]] constexpr bool wide_entries(const manifest::Iommu& iommu) {
    return (iommu.capability & iommu.capability_mask & kGuestApicSupport) != 0;
}

// An event log entry (§2.5); one whose code is zero has not been written.
constexpr u32 event_code(u64 low) { return static_cast<u32>(low >> 60); }
constexpr Fault fault_of(u64 low, u64 high) {
    constexpr u32 kIllegalEntry = 1;
    constexpr u32 kPageFault = 2;
    constexpr u32 kInvalidRequest = 8;
    const u32 code = event_code(low);
    Fault fault;
    fault.requester = static_cast<u16>(low);
    fault.reason = static_cast<u8>(code);
    fault.address = high;
    if (code == kPageFault || code == kIllegalEntry || code == kInvalidRequest) {
        const bool interrupt = code == kPageFault && (low >> 51 & 1) != 0; // I
        fault.kind = interrupt ? Fault::Kind::interrupt : Fault::Kind::dma;
        fault.write = (low >> 53 & 1) != 0; // RW
    } else {
        fault.kind = Fault::Kind::unit;
    }
    return fault;
}

// The unit's own MSI, an NMI (PCI 3.0 §6.8.1; SDM 3 §11.11).
inline constexpr u32 kDataNmi = 4u << 8;
constexpr u32 message_address(u32 apic_id) { return 0xFEE0'0000u | (apic_id & 0xFF) << 12; }

} // namespace septum::kernel::iommu::amd_vi
