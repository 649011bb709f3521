// SPDX-License-Identifier: Apache-2.0
// Intel VT-d in legacy mode: root and context tables, second-level tables, the interrupt remapping table.
#pragma once

#include "build/tables/iommu.hpp"

namespace septum::build {

inline constexpr std::uint64_t kVtdLeastInterrupts = 256; // of 16 bytes (VT-d §9.9): the smallest table that is a page

// Written at run time: the interrupt table, then a context table for each bus with an owned device. Sealed: the root
// table, then the second-level tables of each partition with devices.
[[nodiscard]] IommuSizes vtd_sizes(const Plan& plan, const config::Board& board);
[[nodiscard]] manifest::Iommu vtd_record(const Plan& plan, const config::Board& board, IommuPlaces places);

// A bus without an owned device has no root entry, any other function no context entry: their requests fault (§7.1.3).
// An interrupt entry names its source and is not present, so every remappable request is blocked (§5.1.4.1) until the
// kernel fills in vector and CPU.
void write_vtd_tables(const Plan& plan, const config::Board& board, IommuPlaces places, ByteSpan written,
                      ByteSpan sealed);

// Entries of the interrupt table: a power of two, at least one page of them.
[[nodiscard]] std::uint64_t vtd_interrupt_entries(const Plan& plan);

} // namespace septum::build
