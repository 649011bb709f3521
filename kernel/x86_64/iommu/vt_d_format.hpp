// SPDX-License-Identifier: Apache-2.0
// Registers, descriptors and entries of Intel VT-d (Virtualization Technology for Directed I/O, revision 4.1), as far as the
// kernel writes or reads them. Pure.
#pragma once

#include "kernel/x86_64/iommu/fault.hpp"
#include "kernel/x86_64/iommu/order.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::iommu::vt_d {

// Registers (§11.4).
inline constexpr u64 kCapability = 0x08;
inline constexpr u64 kCommand = 0x18;
inline constexpr u64 kStatus = 0x1C;
inline constexpr u64 kFaultStatus = 0x34;
inline constexpr u64 kFaultControl = 0x38;
inline constexpr u64 kFaultData = 0x3C;
inline constexpr u64 kFaultAddress = 0x40;
inline constexpr u64 kFaultAddressHigh = 0x44;
inline constexpr u64 kQueueTail = 0x88;

inline constexpr u32 kInterruptMask = 1u << 31;       // FECTL_REG.IM (§11.4.11), IECTL_REG.IM
inline constexpr u64 kExtendedInterrupts = 1u << 4;   // ECAP_REG.EIM (§11.4.3)

// FSTS_REG (§11.4.10).
inline constexpr u32 kFaultOverflow = 1u << 0; // PFO
inline constexpr u32 kFaultPending = 1u << 1;  // PPF
inline constexpr u32 kQueueErrors = 7u << 4;   // IQE, ICE, ITE

// Where the fault recording registers lie, and how many there are (CAP_REG.FRO and NFR, §11.4.2).
constexpr u64 fault_records(u64 capability) { return (capability >> 24 & 0x3FF) * 16; }
constexpr u32 fault_record_count(u64 capability) { return static_cast<u32>(capability >> 40 & 0xFF) + 1; }

// One of them (§11.4.14).
inline constexpr u64 kRecorded = 1ULL << 63; // F, in the high half; written as one it clears itself
constexpr Fault fault_of(u64 low, u64 high) {
    Fault fault;
    fault.requester = static_cast<u16>(high);
    fault.reason = static_cast<u8>(high >> 32);
    fault.kind = fault.reason >= 0x20 && fault.reason < 0x30 ? Fault::Kind::interrupt : Fault::Kind::dma; // §7.1.3
    fault.write = (high >> 62 & 1) == 0 && (high >> 28 & 1) == 0; // T1 and T2: neither a read nor a page or atomic request
    fault.address = fault.kind == Fault::Kind::interrupt ? low >> 48 : low & ~0xFFFULL;
    return fault;
}

// Invalidation queue descriptors (§6.5.2).
inline constexpr Order kAllContexts{0x1 | 1u << 4, 0};
inline constexpr Order kAllTranslations{0x2 | 1u << 4 | 1u << 6 | 1u << 7, 0}; // drains writes and reads
inline constexpr Order kAllInterruptEntries{0x4, 0};
constexpr Order one_context(u16 domain, u16 bdf) { return {0x1 | 3u << 4 | u64{domain} << 16 | u64{bdf} << 32, 0}; }
constexpr Order one_domain(u16 domain) { return {0x2 | 2u << 4 | 1u << 6 | 1u << 7 | u64{domain} << 16, 0}; }
constexpr Order one_interrupt_entry(u32 index) { return {0x4 | 1u << 4 | u64{index} << 32, 0}; }
// Writes kDone to `where` when all before it is done.
constexpr Order wait(Hpa where) { return {0x5 | 1u << 5 | u64{kDone} << 32, where.value}; }

// Context entry (§9.3) and interrupt remapping entry (§9.9): bits of the low half.
inline constexpr u64 kPresent = 1u << 0;
inline constexpr u64 kFaultDisable = 1u << 1; // FPD
constexpr u64 pointer(u64 entry) { return entry & 0x000F'FFFF'FFFF'F000ULL; }

// The low half of an interrupt remapping entry: fixed, edge, physical. The high half, with the source that it accepts, is
// sealed and never changes, so that one aligned store changes an entry whole.
[[gnu::always_inline]] constexpr u64 interrupt_entry(u8 vector, u32 apic_id, bool extended) {
    return kPresent | u64{vector} << 16 | u64{apic_id} << (extended ? 32 : 40); // 8-bit destinations lie in 15:8 of the field
}

// Destinations have 32 bits: fixed by the manifest, so that the boot part and the resident part cannot differ.
[[gnu::always_inline]] constexpr bool extended_interrupts(const manifest::Header& header) {
    return header.apic == manifest::ApicMode::x2apic &&
           (header.iommu.extended & header.iommu.extended_mask & kExtendedInterrupts) != 0;
}

// Fault event message (§11.4.12, §11.4.13): an NMI, not remapped (§7.3).
inline constexpr u32 kDataNmi = 4u << 8;
constexpr u32 message_address(u32 apic_id) { return 0xFEE0'0000u | (apic_id & 0xFF) << 12; }

// What a device writes (§5.1.2.2): remappable format, handle in bits 19:5 and 2. For one of a group of vectors that share
// an address, the data is added to the handle (SHV).
constexpr u32 remappable_address(u32 handle) {
    constexpr u32 kFormat = 1u << 4;
    constexpr u32 kSubhandleValid = 1u << 3;
    return 0xFEE0'0000u | kFormat | kSubhandleValid | (handle & 0x7FFF) << 5 | (handle >> 15 & 1) << 2;
}

} // namespace septum::kernel::iommu::vt_d
