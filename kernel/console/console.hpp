// SPDX-License-Identifier: Apache-2.0
// The resident console: everybody's rings, and the one who happens to hold the drain passes bytes to the UART.
#pragma once

#include "kernel/core/console.hpp"
#include "kernel/percpu.hpp"

namespace septum::kernel::console {

// The boot part wires them before any CPU goes to the resident part (boot/wiring.cpp).
extern core::ConsoleMux mux;
extern core::ConsoleRing kernel_ring;

// Appends to a partition's ring. Never waits for another partition.
void put(core::ConsoleRing& ring, char c);
void write_kernel(const char* text, u32 length);

// Passes on what the UART takes at once; returns at once when another CPU is doing so, or after a bounded burst.
void drain();
// Waits, for so many rounds, until everything is out, and says whether it is: when there is nothing better to do.
inline constexpr u32 kFlushRounds = 200'000;
bool flush(u32 rounds = kFlushRounds);
// This CPU is about to flush and then to wait for an NMI: it gets one when text is left behind.
void offer_help(const PerCpu& cpu);

} // namespace septum::kernel::console
