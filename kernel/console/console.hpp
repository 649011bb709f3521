// SPDX-License-Identifier: Apache-2.0
// The resident console: everybody's rings, and the one who happens to hold the drain passes bytes to the UART.
#pragma once

#include "kernel/core/console.hpp"

namespace septum::kernel::console {

// Before any CPU launches: clears nothing, only wires the rings. `ring` null: a partition without a console.
void attach(u32 source, core::ConsoleRing* ring, const char* name);
void start(u32 partitions, u64 tsc_hz);

// Appends to a partition's ring. Never waits for another partition.
void put(core::ConsoleRing& ring, char c);
void write_kernel(const char* text, u32 length);

// Passes on what the UART takes at once; returns at once when another CPU is doing so, or after a bounded burst.
void drain();
// Waits, within bounds, until everything is out, and says whether it is: when there is nothing better to do.
bool flush();

} // namespace septum::kernel::console
