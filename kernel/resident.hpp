// SPDX-License-Identifier: Apache-2.0
// The door between the boot part, which is gone after launch, and the part that stays.
#pragma once

#include <septum/manifest/manifest.hpp>
#include <septum/types.hpp>

namespace septum::kernel {

struct PerCpu;

struct BootFacts {
    const manifest::Header* manifest = nullptr; // in its planned place, hashed
    u64 tsc_hz = 0;
    u64 facts = 0; // of the board contract, that hold
};

extern BootFacts boot_facts; // written by the boot CPU before any CPU calls resident_main

// Called once per CPU, by the CPU itself, on its own CpuBlock stack, interrupts off, control registers as they stay, but
// still on the boot page tables. Every PerCpu is filled, `own` is this CPU's. Loads the sealed page tables and the CPU's own
// descriptor tables, enables SVM, waits for the others, loads the partitions and never returns.
extern "C" [[noreturn]] void resident_main(PerCpu* own);

} // namespace septum::kernel
