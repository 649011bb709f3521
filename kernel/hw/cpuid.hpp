// SPDX-License-Identifier: Apache-2.0
// CPUID (APM 3 appendix E).
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::hw {

struct CpuidValue {
    u32 registers[4]; // EAX, EBX, ECX, EDX
};

inline CpuidValue cpuid(u32 leaf, u32 subleaf = 0) {
    CpuidValue value{};
    asm volatile("cpuid"
                 : "=a"(value.registers[0]), "=b"(value.registers[1]), "=c"(value.registers[2]),
                   "=d"(value.registers[3])
                 : "a"(leaf), "c"(subleaf));
    return value;
}

} // namespace septum::kernel::hw
