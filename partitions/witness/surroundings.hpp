// SPDX-License-Identifier: Apache-2.0
// What else of the witness could change by another's doing: its CPU's registers, its timer, the interrupts that it
// gets.
#pragma once

#include <septum/types.hpp>

namespace septum::witness {

// How fast the timer counts before division, in Hz: from its current count, read twice a twentieth of a second apart.
u64 measure_timer(u64 tsc_hz);

// Takes every vector that nobody else has taken and remembers it: none may come. Starts the timer.
void watch_interrupts(u64 timer_hz, u32 ticks_per_second);

u64 ticks();
// The first interrupt or exception that should not have come; kNone: none has.
inline constexpr u32 kNone = ~0U;
u32 unexpected();

// Registers that only this CPU's program may change: control, descriptor tables, MSRs, local APIC.
class Registers {
public:
    Registers() : before_(read()) {}
    // Null: as they were; else which one is not.
    [[nodiscard]] const char* changed() const;

private:
    static constexpr u32 kCount = 16;
    struct Values {
        u64 value[kCount];
    };
    static Values read();
    Values before_;
};

} // namespace septum::witness
