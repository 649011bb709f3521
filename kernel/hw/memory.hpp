// SPDX-License-Identifier: Apache-2.0
// Moving and clearing memory, and the functions of that kind which the compiler takes for granted.
#pragma once

#include <septum/types.hpp>

extern "C" {
void* memcpy(void* to, const void* from, size_t bytes);
void* memset(void* to, int value, size_t bytes);
}

namespace septum::kernel::hw {

// Host-physical memory as the kernel sees it: mapped one to one.
template <typename T>
T* at(Hpa address) {
    return reinterpret_cast<T*>(address.value);
}

// What others may be changing is read once: the compiler must not come back for it. Any alignment.
template <typename T>
T read_once(const u8* from) {
    return *reinterpret_cast<const volatile T*>(from);
}
inline void read_once_15(const u8* from, u8 (&to)[15]) {
    const u64 first = read_once<u64>(from);
    const u32 second = read_once<u32>(from + 8);
    const u16 third = read_once<u16>(from + 12);
    to[14] = read_once<u8>(from + 14);
    __builtin_memcpy(to, &first, 8);
    __builtin_memcpy(to + 8, &second, 4);
    __builtin_memcpy(to + 12, &third, 2);
}

// Sixteen bytes at a multiple of sixteen, in one store to whoever else reads them (APM 3, CMPXCHG16B). Every processor with
// AVX, which each board states, has the instruction.
inline void store_16(Hpa address, u64 low, u64 high) {
    struct Pair {
        u64 low, high;
    };
    auto& there = *at<volatile Pair>(address);
    u64 old_low = there.low;
    u64 old_high = there.high;
    asm volatile("1: lock cmpxchg16b %0; jne 1b" : "+m"(there), "+a"(old_low), "+d"(old_high) : "b"(low), "c"(high) : "cc", "memory");
}

// Zeroes [base, base + size); both multiples of 8.
inline void scrub(Hpa base, u64 size) {
    u64 to = base.value;
    u64 count = size / 8;
    asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0ULL) : "memory");
}

} // namespace septum::kernel::hw
