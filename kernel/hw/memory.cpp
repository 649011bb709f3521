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
}
