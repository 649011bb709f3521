// SPDX-License-Identifier: Apache-2.0
// Of AMD-Vi (AMD I/O Virtualization Technology Specification, 48882, revision 3), what only the boot part uses. Pure.
#pragma once

#include "kernel/x86_64/iommu/amd_vi_format.hpp"

namespace septum::kernel::iommu::amd_vi {

// Registers (§3.4).
inline constexpr u64 kRegisters = 16 * kKiB;
inline constexpr u64 kDeviceTable = 0x00;
inline constexpr u64 kCommandBuffer = 0x08;
inline constexpr u64 kExclusionBase = 0x20;
inline constexpr u64 kExtendedFeatures = 0x30;
inline constexpr u64 kCommandHead = 0x2000;

// Extended features: bits 2 and 6.
inline constexpr u64 kX2apicSupport = 1u << 2;      // XTSup
inline constexpr u64 kForgetAllSupport = 1u << 6;   // IASup: INVALIDATE_IOMMU_ALL

// Control.
inline constexpr u64 kOn = 1u << 0;                 // IommuEn
inline constexpr u64 kCoherent = 1u << 10;          // table walks snoop the processors' caches
inline constexpr u64 kCommandsOn = 1u << 12;
inline constexpr u64 kWideEntries = 1u << 17;       // GAEn
inline constexpr u64 kX2apicOn = 1ULL << 50;        // XTEn

// Status.
inline constexpr u64 kCommandsRun = 1u << 4;

inline constexpr u64 kDeviceTablePages = 512; // 65,536 entries of 32 bytes
inline constexpr Order kForgetAll{8ULL << 60, 0};

// Device table entry (§2.2.2.1), by quadword.
inline constexpr u64 kValid = 3;                        // 0: V, TV
inline constexpr u64 kInterruptsValid = 1u << 0;        // 2: IV

// The entry of a requester that reaches nothing: translation valid without rights, interrupts valid and aborted.
inline constexpr u64 kBlocked[4] = {kValid, 0, kInterruptsValid, 0};

constexpr bool x2apic_destinations(const manifest::Header& header) {
    return header.apic == manifest::ApicMode::x2apic &&
           (header.iommu.capability & header.iommu.capability_mask & kX2apicSupport) != 0;
}

} // namespace septum::kernel::iommu::amd_vi
