// SPDX-License-Identifier: Apache-2.0
// Resetting PCI functions, several at a time: begin all, wait once, see each come back.
#pragma once

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::lifecycle {

// Full power, no bus mastering, nothing on the way any more (bounded: 100 ms, PCIe 6.0 §6.6.2). `tsc_hz` is the clock's.
void silence_device(const manifest::Device& device, u64 tsc_hz);

// Begins the reset that the manifest states. `bus` resets are of a whole bridge: the caller begins one for each bridge.
void begin_reset(const manifest::Device& device, u64 tsc_hz);

// The longest that a function may need before it is looked at (§6.6.1, §6.6.2; PCI PM 1.2 §5.4 is shorter).
inline constexpr u64 kResetMs = 100;

// True as soon as the function answers; false: not within one second (§6.6.1).
bool comes_back(const manifest::Device& device, u64 tsc_hz);

// Base addresses as planned, decoding, bus mastering, INTx, MSI and MSI-X off. False: a base address does not stay.
bool program_device(const manifest::Device& device, const manifest::Bar* bars);

// Spins; for waits that a specification asks for.
void wait_ms(u64 milliseconds, u64 tsc_hz);

} // namespace septum::kernel::lifecycle
