// SPDX-License-Identifier: Apache-2.0
// Model-specific registers. Reading or writing one that is not there raises #GP, which ends the kernel in a report.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::hw {

// The registers the kernel touches (APM 2 appendix A).
inline constexpr u32 kMsrMcgStatus = 0x17A;
inline constexpr u32 kMsrEfer = 0xC000'0080;
inline constexpr u32 kMsrGsBase = 0xC000'0101;
inline constexpr u32 kMsrTscAux = 0xC000'0103;
inline constexpr u32 kMsrVmHsavePa = 0xC001'0117;

inline constexpr u64 kEferSvme = 1ULL << 12;

inline u64 read_msr(u32 index) {
    u32 low;
    u32 high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
    return u64{high} << 32 | low;
}

inline void write_msr(u32 index, u64 value) {
    asm volatile("wrmsr" : : "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)), "c"(index) : "memory");
}

inline u64 read_tsc() {
    u32 low;
    u32 high;
    asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return u64{high} << 32 | low;
}

} // namespace septum::kernel::hw
