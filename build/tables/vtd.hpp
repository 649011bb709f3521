// SPDX-License-Identifier: Apache-2.0
// Intel VT-d with everything blocked.
#pragma once

#include "build/tables/bytes.hpp"
#include "config/board.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::build {

inline constexpr std::size_t kVtdRootSize = 4096;          // 256 entries of 16 bytes (VT-d §9.1)
inline constexpr std::uint64_t kVtdInterruptEntries = 256; // of 16 bytes (§9.10): the smallest table that is a page
inline constexpr std::size_t kVtdInterruptSize = 4096;

// Both tables are all zeros: no root entry is present, so every request of every bus faults (§7.1.3); no interrupt
// entry is present, so every remappable request is blocked (§5.1.4.1).
void write_vtd_tables(ByteSpan root, ByteSpan interrupts);

// What the kernel expects of the unit, and where its tables lie. All zeros for a board without one.
[[nodiscard]] manifest::Iommu iommu_record(const config::BoardIommuUnit& unit, Hpa root, Hpa interrupts);

} // namespace septum::build
