// SPDX-License-Identifier: Apache-2.0
// Everything a CPU has to itself, in the last page of its CpuBlock.
#pragma once

#include "kernel/core/console.hpp"
#include "kernel/core/state.hpp"
#include "kernel/x86_64/paging/fetch.hpp"
#include "kernel/x86_64/svm/vmcb.hpp"

#include <septum/manifest/layout.hpp>
#include <septum/manifest/manifest.hpp>

namespace septum::kernel {

// Task-state segment (APM 2 §12.2.5): only the interrupt stacks matter.
struct [[gnu::packed]] TaskState {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3;
    u16 io_map;
};
static_assert(sizeof(TaskState) == 104);

// A rare exit, or one that was a fault: frequent ones, which are only counted, leave none.
struct LastExit {
    u64 code;    // the vendor's
    u64 address; // as in core::Exit
    u64 rip;
};
inline constexpr u32 kLastExits = 8; // a power of two

// Of the instructions that reached a device's trapped page: a driver has few, and comes again and again.
inline constexpr u32 kDecoded = 32; // a power of two

struct PerCpu {
    // run.S knows these by offset.
    core::CpuState state;   // 0x00: the guest's general registers come first
    svm::Vmcb* vmcb = nullptr;
    u64 vmcb_pa = 0;
    u64 host_vmcb_pa = 0;
    u64 stack = 0;          // where the stack stands while the guest runs: 16-byte aligned, its top word is this PerCpu
    // The rest does not matter to assembly.
    core::Manifest manifest;
    core::Records<manifest::Region> regions; // of the partition
    core::PartitionState* partition = nullptr;
    core::ConsoleRing* console = nullptr; // null: the partition has none
    const manifest::Header* header = nullptr;
    const manifest::Cpu* cpu = nullptr;
    u32 index = 0;          // into the header's cpus
    u32 mailbox = 0;        // core::Mail bits; fetch-or by others, exchange by this CPU
    u32 newest_exit = 0;    // how many were written to `last_exits` since boot
    LastExit last_exits[kLastExits] = {};
    paging::Trail trail;             // to the page of the last instruction that was fetched
    core::Decoded decoded[kDecoded]; // by the low bits of their address
    u64 gdt[6] = {};
    TaskState task = {};
};
static_assert(sizeof(PerCpu) <= layout::CpuBlock::kSize - layout::CpuBlock::kPerCpu);

inline core::PartitionState& state_of(const manifest::Partition& partition) {
    return *reinterpret_cast<core::PartitionState*>(partition.block.value + layout::PartitionBlock::kState);
}

inline PerCpu* per_cpu(const manifest::Cpu& cpu) {
    return reinterpret_cast<PerCpu*>(cpu.block.value + layout::CpuBlock::kPerCpu);
}

// Records of one of the manifest's tables; checked against the bundle's size at boot.
template <typename T>
core::Records<T> records(const manifest::Header& header, const manifest::Table& table) {
    return {reinterpret_cast<const T*>(header.bundle_base.value + table.offset), table.count};
}
template <typename T>
core::Records<T> records(const manifest::Header& header, const manifest::Table& table, const manifest::Slice& slice) {
    return {reinterpret_cast<const T*>(header.bundle_base.value + table.offset) + slice.first, slice.count};
}

} // namespace septum::kernel
