// SPDX-License-Identifier: Apache-2.0
// Ways for a partition to end, for tests that restart one many times: it ends as often as its name says.
#pragma once

#include <septum/guest/info.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/console.hpp>

namespace septum::health {

// The number at the end of a name: 150 of `victim-150`. 0: there is none.
inline u64 number_of(const char* name) {
    u64 number = 0;
    for (u32 i = 0; name[i] != '\0'; ++i) {
        const char c = name[i];
        number = c >= '0' && c <= '9' ? number * 10 + static_cast<u64>(c - '0') : 0;
    }
    return number;
}

[[noreturn]] inline void triple_fault() {
    struct [[gnu::packed]] {
        u16 limit = 0;
        u64 base = 0;
    } none;
    asm volatile("lidt %0\n\tud2" : : "m"(none));
    __builtin_unreachable();
}

// In turn by its own wish, by a forbidden access and by a triple fault.
[[noreturn]] inline void end_in_turn(const guest::Info& info, u64 turn) {
    if (turn % 3 == 0) {
        guest::restart();
    }
    if (turn % 3 == 1) {
        (void)*reinterpret_cast<const volatile u64*>(info.ram_size); // nothing of it there
    }
    triple_fault();
}

// True once it has ended as often as its name says.
inline bool through(const guest::Info& info, u64 launch) {
    if (launch < number_of(info.name)) {
        return false;
    }
    guest::say(info.name, ": ended ", launch, " times");
    return true;
}

} // namespace septum::health
