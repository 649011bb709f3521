// SPDX-License-Identifier: Apache-2.0
// A virtual 8254 timer (Intel 82C54 data sheet) whose outputs reach nothing: it can be programmed, read and polled. Time comes
// from the TSC. Modes 0, 2, 3 and 4 count; in modes 1 and 5, which a gate's edge would start, the count stands. Counting is
// binary, and a new count begins at once, also in modes 2 and 3.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::core {

struct PitChannel {
    u64 start = 0;    // TSC when its count began
    u64 held = 0;     // ticks counted before its gate fell
    u32 reload = 0;   // 1 .. 65,536; 0: no count was written yet
    u16 latched = 0;
    u8 control = 0;   // as last written: access [5:4], mode [3:1]
    u8 status = 0;    // latched by a read-back command
    u8 low = 0;       // first of two bytes written
    bool gate = false; // those of channels 0 and 1 are always high
    bool high_next = false;       // of two bytes, which one the guest reads
    bool write_high = false;      // or writes
    bool has_latched = false;
    bool has_status = false;
};

struct Pit { // all zeros is the state after a reset
    PitChannel channels[3];
    u8 speaker = 0;   // port 0x61, bits 1:0
};

inline constexpr u64 kPitHz = 1'193'182;
inline constexpr u16 kPitPort = 0x40;     // three channels, then the control word
inline constexpr u16 kPitGatePort = 0x61; // bit 0: gate of channel 2, bit 5: its output

// A byte read from or written to `port` (0x40 .. 0x43, 0x61) at time `now`, of a TSC with `tsc_hz` > 0.
u8 read_pit(Pit& pit, u16 port, u64 now, u64 tsc_hz);
void write_pit(Pit& pit, u16 port, u8 value, u64 now, u64 tsc_hz);

} // namespace septum::kernel::core
