// SPDX-License-Identifier: Apache-2.0
// Moving and clearing memory, and the functions of that kind which the compiler takes for granted.
#pragma once

#include <septum/types.hpp>

extern "C" {
void* memcpy(void* to, const void* from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* to, int value, size_t bytes);
int memcmp(const void* a, const void* b, size_t bytes);
}

namespace septum::kernel::hw {

// Host-physical memory as the kernel sees it: mapped one to one.
template <typename T>
T* at(Hpa address) {
    return reinterpret_cast<T*>(address.value);
}

// Zeroes [base, base + size); both multiples of 8.
inline void scrub(Hpa base, u64 size) {
    u64 to = base.value;
    u64 count = size / 8;
    asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0ULL) : "memory");
}

} // namespace septum::kernel::hw
