// SPDX-License-Identifier: Apache-2.0
// Whether planned memory is cached write-back by this CPU's memory type range registers (APM 2 §7.7, SDM 3 §12.11).
#pragma once

#include "kernel/boot/bytes.hpp"
#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

inline constexpr u32 kMaxVariableMtrrs = 32;

// One CPU's registers, as read.
struct Mtrrs {
    u64 default_type = 0; // IA32_MTRR_DEF_TYPE
    u32 count = 0;        // of the variable pairs
    u64 base[kMaxVariableMtrrs] = {};
    u64 mask[kMaxVariableMtrrs] = {};
    u32 physical_bits = 36;        // CPUID 8000_0008 EAX[7:0]
    u64 forced_write_back_end = 0; // AMD: [4 GiB, this) is write-back whatever the pairs say (SYSCFG, APM 2 §7.9)
};

// The part of `range` from 1 MiB up is write-back. Below that the fixed registers rule; only the trampoline, which
// carries no data, is planned there.
Refusal check_write_back(const Mtrrs& mtrrs, const manifest::Range& range);

} // namespace septum::kernel::boot
