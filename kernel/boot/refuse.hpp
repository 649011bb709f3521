// SPDX-License-Identifier: Apache-2.0
// The edge of refusal.hpp: says it and stops. And the few lines of a boot that goes well.
#pragma once

#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// Says `refusal` on the console, writes its code to port 0x80 and stops this CPU for good. Only the first refusal is
// said; every other CPU stops as soon as it looks.
[[noreturn]] void refuse(const Refusal& refusal);

inline void require(const Refusal& refusal) {
    if (refusal) {
        refuse(refusal);
    }
}

// For loops that wait for another CPU: does not return once anyone has refused.
void stop_if_refused();

void say(const char* line);

// What is being checked, for the report of an exception: the name of a fact. It must stay valid.
void now_doing(const char* what);
const char* doing();

} // namespace septum::kernel::boot
