// SPDX-License-Identifier: Apache-2.0
// The partition's other CPUs. Each runs one function, with interrupts off, on its own stack, with the boot CPU's page
// tables, and with the interrupt handlers that all share.
#pragma once

#include <septum/types.hpp>

namespace septum::guest {

inline constexpr u32 kMostProcessors = 8;  // that the runtime has stacks for
inline constexpr u64 kTrampoline = 0x8000; // a page of RAM below 1 MiB, overwritten by start_processor

// Starts CPU `n` (1 … Info::cpu_count − 1) by INIT and SIPI, so that it calls `function(n)`, and then sleeps for good.
// May be called again for a CPU that runs: it begins anew. False: there is no such CPU, or it did not come up within a
// second. Call it on the boot CPU only.
bool start_processor(u32 n, void (*function)(u32 n));

// The number of the CPU this runs on; 0 is the boot CPU.
u32 this_processor();

} // namespace septum::guest
