// SPDX-License-Identifier: Apache-2.0
// What the parts of core that serve a partition's devices share.
#pragma once

#include "kernel/core/effects.hpp"
#include "kernel/core/state.hpp"

namespace septum::kernel::core {

// An access to ports of PCI configuration space: by value, so that the frequent ports' exit stays in registers.
struct PortAccess {
    u16 port = 0;
    u8 width = 0;
    bool reads = false;
    u32 value = 0; // written
};

// The effects that it sets (kDevice or none).
u32 answer_pci(const Manifest& manifest, CpuState& cpu, PartitionState& partition, manifest::PortAnswer answer,
               PortAccess access);

// Words that the CPUs of a partition may race for.
inline u32 load(const u32& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); }
inline void store(u32& word, u32 value) { __atomic_store_n(&word, value, __ATOMIC_RELAXED); }

// `value` in the low `width` bytes (1, 2, 4 or 8), the rest zeros.
constexpr u64 low_bytes(u64 value, u32 width) { return width >= 8 ? value : value & ((1ULL << 8 * width) - 1); }

// The `width` (1, 2, 4 or 8) bytes of a general register that an instruction writes: 4 clear the upper half, 1 and 2 leave
// the rest (APM 1 §3.1.2).
constexpr u64 merge_register(u64 before, u64 value, u32 width) {
    return width >= 4 ? low_bytes(value, width) : (before & ~low_bytes(~0ULL, width)) | low_bytes(value, width);
}

// The register of `mov`, a load, takes `value`, which was in memory.
inline void finish_load(CpuState& cpu, const Mov& mov, u64 value) {
    u64& target = cpu.registers[mov.reg % kRegisters];
    if (mov.high) {
        target = (target & ~0xFF00ULL) | (value & 0xFF) << 8;
    } else {
        target = merge_register(target, low_bytes(value, mov.width), mov.target_width);
    }
}

// Where a message that the guest wrote would go (APM 2 §16.12; SDM 3 §11.11): nowhere but with physical destination to one
// of the partition's own CPUs, fixed or lowest priority, edge, vector 32 or above.
Route route_of(const Manifest& manifest, u32 address, u32 address_high, u32 data);

inline constexpr u32 kNoDevice = ~0u; // a device's number among the partition's, where there is none

} // namespace septum::kernel::core
