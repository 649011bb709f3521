// SPDX-License-Identifier: Apache-2.0
// The partition's local APIC, always in x2APIC mode (APM 2 §16.9; register numbers: Table 16-6).
#pragma once

#include <septum/runtime/cpu.hpp>

namespace septum::guest::apic {

inline constexpr u32 kId = 0x802;
inline constexpr u32 kEndOfInterrupt = 0x80B;
inline constexpr u32 kSpurious = 0x80F;
inline constexpr u32 kCommand = 0x830;
inline constexpr u32 kTimerEntry = 0x832;
inline constexpr u32 kLint0Entry = 0x835;
inline constexpr u32 kTimerInitial = 0x838;
inline constexpr u32 kTimerCurrent = 0x839;
inline constexpr u32 kTimerDivide = 0x83E;
inline constexpr u32 kSelf = 0x83F;

inline constexpr u8 kSpuriousVector = 0xFF;

// Delivery modes and shorthands of the interrupt command register (APM 2 §16.5).
inline constexpr u64 kFixed = 0 << 8;
inline constexpr u64 kSmi = 2 << 8;
inline constexpr u64 kNmi = 4 << 8;
inline constexpr u64 kInit = 5 << 8;
inline constexpr u64 kStartup = 6 << 8;
inline constexpr u64 kExternal = 7 << 8;
inline constexpr u64 kAssert = 1 << 14;
inline constexpr u64 kToSelf = 1 << 18;
inline constexpr u64 kToAll = 2 << 18;
inline constexpr u64 kToOthers = 3 << 18;

// Interrupt entries' bits.
inline constexpr u64 kMasked = 1 << 16;
inline constexpr u64 kPeriodic = 1 << 17;

inline u32 id() {
    return static_cast<u32>(cpu::read_msr(kId));
}
inline void enable() {
    cpu::write_msr(kSpurious, 0x100 | kSpuriousVector);
}
inline void end_of_interrupt() {
    cpu::write_msr(kEndOfInterrupt, 0);
}
inline void command(u32 destination, u64 low) {
    cpu::write_msr(kCommand, u64{destination} << 32 | low);
}

// `vector` after `count` timer ticks divided by 16, once or for ever. A count of 0 stops the timer.
inline void start_timer(u8 vector, u32 count, bool periodic) {
    cpu::write_msr(kTimerDivide, 0b0011);
    cpu::write_msr(kTimerEntry, vector | (periodic ? kPeriodic : 0));
    cpu::write_msr(kTimerInitial, count);
}
inline constexpr u64 kTimerDivisor = 16;

inline void stop_timer() {
    cpu::write_msr(kTimerInitial, 0);
    cpu::write_msr(kTimerEntry, kMasked);
}

} // namespace septum::guest::apic
