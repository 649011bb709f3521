// SPDX-License-Identifier: Apache-2.0
// Where things lie inside the kernel-private workspace. The planner reserves the blocks, the offline kernel page
// tables leave the guards unmapped, the kernel uses the rest: offsets in bytes from the block's base.
#pragma once

#include <septum/types.hpp>

namespace septum::layout {

// The kernel ELF is linked here, physical = virtual. Below it lies only the firmware's and GRUB's memory.
inline constexpr u64 kKernelBase = 0x20'0000;
inline constexpr u64 kKernelLimit = 0x40'0000; // the image, .bss included, ends below this

// A PT_LOAD segment with this bit in p_flags (PF_MASKOS) is used only before launch: the offline kernel page tables
// do not map it, so it is gone once they are loaded.
inline constexpr u32 kSegmentBootOnly = 0x0010'0000;

// One per CPU.
struct CpuBlock {
    static constexpr u64 kStackGuard = 0x0000;   // unmapped: a stack overflow faults
    static constexpr u64 kStack = 0x1000;        // 8 KiB, grows down from kStackTop
    static constexpr u64 kStackTop = 0x3000;
    static constexpr u64 kFaultGuard = 0x3000;   // unmapped
    static constexpr u64 kFaultStack = 0x4000;   // 4 KiB for NMI, #DF and #MC (IST)
    static constexpr u64 kFaultStackTop = 0x5000;
    static constexpr u64 kVmcb = 0x5000;         // the running VMCB
    static constexpr u64 kHostVmcb = 0x6000;     // where VMSAVE puts the kernel's own FS, GS, TR …
    static constexpr u64 kHostSave = 0x7000;     // VM_HSAVE_PA (APM 2 §15.30.4)
    static constexpr u64 kPerCpu = 0x8000;       // 4 KiB: GDT, TSS, CpuState, mailbox
    static constexpr u64 kSize = 0x9000;
};

// One per partition.
struct PartitionBlock {
    static constexpr u64 kState = 0x0000;        // 4 KiB: PartitionState
    static constexpr u64 kCpuid = 0x1000;        // 4 KiB: the CPUID answers, computed at boot
    static constexpr u64 kConsole = 0x2000;      // 8 KiB: console ring
    static constexpr u64 kConsoleSize = 0x2000;
    static constexpr u64 kSize = 0x4000;
};

// One per assigned device: what its owner wrote, as it reads it back.
struct DeviceBlock {
    static constexpr u64 kState = 0x000;         // shadow BARs, MSI registers
    static constexpr u64 kMsix = 0x800;          // kMaxMsixEntries virtual MSI-X entries of 16 bytes
    static constexpr u64 kSize = 0x1000;
};

// Pages of the workspace that the IOMMU uses at run time; present when the board has a unit.
struct IommuBlock {
    static constexpr u64 kQueue = 0x0000;        // 4 KiB
    static constexpr u64 kLog = 0x1000;          // 4 KiB
    static constexpr u64 kCompletion = 0x2000;   // 4 KiB
    static constexpr u64 kSize = 0x3000;
};

} // namespace septum::layout
