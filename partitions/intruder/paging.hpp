// SPDX-License-Identifier: Apache-2.0
// The intruder's own page tables: inside its partition it may map whatever it likes.
#pragma once

#include <septum/types.hpp>

namespace septum::intruder {

// Switches to tables that map every guest-physical address below 512 GiB to itself, in 1 GiB pages or, where the
// processor has none, the first 4 GiB and one more chosen GiB in 2 MiB pages; and all of it for ring 3 too.
void map_everything(u64 chosen);

// Maps one more 4 KiB page, at a fixed virtual address outside those, to `physical`; returns where.
volatile u64* map_page(u64 physical);

// Highest guest-physical address bits the processor admits (CPUID 8000_0008 EAX[7:0]), at least 36.
u32 physical_bits();

} // namespace septum::intruder
