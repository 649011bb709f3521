// SPDX-License-Identifier: Apache-2.0
// String instructions: short, and as fast as the processor can (APM 3: MOVS, STOS).
#include "kernel/hw/memory.hpp"

extern "C" {

[[gnu::used]] void* memcpy(void* to, const void* from, size_t bytes) {
    void* const start = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return start;
}

[[gnu::used]] void* memset(void* to, int value, size_t bytes) {
    void* const start = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
    return start;
}

[[gnu::used]] void* memmove(void* to, const void* from, size_t bytes) {
    const auto target = reinterpret_cast<septum::u64>(to);
    const auto source = reinterpret_cast<septum::u64>(from);
    if (target - source >= bytes) { // the target begins before the source, or behind its end
        return memcpy(to, from, bytes);
    }
    auto* last_to = static_cast<septum::u8*>(to) + bytes - 1;
    const auto* last_from = static_cast<const septum::u8*>(from) + bytes - 1;
    asm volatile("std; rep movsb; cld" : "+D"(last_to), "+S"(last_from), "+c"(bytes) : : "memory");
    return to;
}

[[gnu::used]] int memcmp(const void* a, const void* b, size_t bytes) {
    const auto* left = static_cast<const septum::u8*>(a);
    const auto* right = static_cast<const septum::u8*>(b);
    for (size_t i = 0; i < bytes; i++) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
    }
    return 0;
}
}
