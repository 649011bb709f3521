// SPDX-License-Identifier: Apache-2.0
// Page tables of 512 entries of eight bytes, made from a sorted list of mappings with the largest pages that fit.
// Nested and kernel page tables (APM 2 §5.3), VT-d second-level tables (VT-d §9.8) and AMD-Vi host tables (AMD IOMMU
// §2.2.3) share this; they differ in their bits.
#pragma once

#include "build/tables/bytes.hpp"

#include <septum/types.hpp>

#include <cstdint>
#include <span>

namespace septum::build {

// Bits of an entry (APM 2 §5.4.1).
namespace pte {
inline constexpr std::uint64_t kPresent = 1ULL << 0;
inline constexpr std::uint64_t kWrite = 1ULL << 1;
inline constexpr std::uint64_t kUser = 1ULL << 2;
inline constexpr std::uint64_t kWriteThrough = 1ULL << 3; // PWT
inline constexpr std::uint64_t kCacheDisable = 1ULL << 4; // PCD
inline constexpr std::uint64_t kAccessed = 1ULL << 5;
inline constexpr std::uint64_t kDirty = 1ULL << 6;    // leaves only
inline constexpr std::uint64_t kPageSize = 1ULL << 7; // PS: a leaf of a PDE or PDPE
inline constexpr std::uint64_t kNoExecute = 1ULL << 63;
inline constexpr std::uint64_t kAddress = 0x000F'FFFF'FFFF'F000ULL;
} // namespace pte

struct Mapping {
    std::uint64_t from = 0; // page aligned
    std::uint64_t to = 0;   // page aligned, host-physical
    std::uint64_t size = 0; // bytes, whole pages
    std::uint64_t leaf = 0; // bits of its leaf entries, PS apart
};

struct PageTableShape {
    std::uint64_t largest_page = kGiB;         // 4 KiB, 2 MiB or 1 GiB
    std::uint64_t table_bits = 0;              // bits of entries that point at a table
    int levels = 4;                            // 4 maps 48 bits, 3 maps 39
    std::uint64_t large_bits = pte::kPageSize; // bits of leaves that are larger than 4 KiB
    unsigned level_shift = 0; // where an entry says the level of the table it points at; 0: it does not
};

// Whether any leaf of the mappings is a 1 GiB page.
[[nodiscard]] bool uses_huge_pages(std::span<const Mapping> mappings, const PageTableShape& shape);

// How many 4 KiB tables the mappings take. They must be sorted by `from`, disjoint, and lie below what
// the levels map.
[[nodiscard]] std::uint64_t count_tables(std::span<const Mapping> mappings, const PageTableShape& shape);

// Writes the tables, the root first, each before its children, into `out` (count_tables() zeroed pages), which will
// lie at `base`.
void write_tables(std::span<const Mapping> mappings, const PageTableShape& shape, Hpa base, ByteSpan out);

} // namespace septum::build
