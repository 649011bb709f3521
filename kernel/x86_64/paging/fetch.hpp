// SPDX-License-Identifier: Apache-2.0
// The bytes of the instruction at which a guest stands, out of its own RAM.
#pragma once

#include "kernel/core/decoder.hpp"
#include "kernel/core/state.hpp"
#include "kernel/x86_64/paging/walk.hpp"

namespace septum::kernel::paging {

// Up to 15 bytes from `linear` on, each read once; fewer where the guest's tables or its RAM end. `regions` are the
// partition's: only those of RAM are read.
void fetch(const core::Records<manifest::Region>& regions, const Mode& mode, u64 linear, core::Instruction& instruction);

} // namespace septum::kernel::paging
