// SPDX-License-Identifier: Apache-2.0
// The page tables a guest is entered with: the first 4 GiB, identity, 2 MiB pages, all rights. They are the guest's
// own and it may change them; what it reaches is decided by the nested tables.
#pragma once

#include "build/tables/bytes.hpp"

#include <septum/types.hpp>

namespace septum::build {

inline constexpr std::size_t kGuestTablesSize = std::size_t{6} * 4096; // PML4, PDPT, four PDs

// `base` is where the guest sees them; CR3 = base.
void write_guest_tables(Gpa base, ByteSpan out);

} // namespace septum::build
