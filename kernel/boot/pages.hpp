// SPDX-License-Identifier: Apache-2.0
// Whole pages, eight bytes at a time.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::boot {

// Moves `bytes` (a multiple of 8) between places that may overlap.
inline void move_pages(Hpa to, Hpa from, u64 bytes) {
    u64 target = to.value;
    u64 source = from.value;
    u64 count = bytes / 8;
    if (target - source >= bytes) { // the target begins before the source, or behind its end
        asm volatile("rep movsq" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
        return;
    }
    target += bytes - 8;
    source += bytes - 8;
    asm volatile("std; rep movsq; cld" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
}

// Writes back and drops the caches (APM 3: WBINVD): for devices that read memory behind their back.
inline void write_back_caches() {
    asm volatile("wbinvd" ::: "memory");
}

} // namespace septum::kernel::boot
