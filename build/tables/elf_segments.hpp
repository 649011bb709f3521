// SPDX-License-Identifier: Apache-2.0
// An ELF's segments as pieces of a guest's initial memory, or why they do not fit.
#pragma once

#include "build/tables/elf.hpp"
#include "build/tables/guest_image.hpp"

#include <string_view>

namespace septum::build {

struct SegmentLimits {
    std::uint64_t limit = 0;       // guest-physical: no segment ends above it
    std::string_view reserve = {}; // what lies between it and the end of RAM, for the message; empty: nothing
};

// Adds a view of `file` for each segment, at its physical address. False, and what is wrong in `diagnostics`, when one
// lies below guest::kNativeLoadBase, above the limit or over another, or when `entry` lies in no executable one.
[[nodiscard]] bool place_segments(const ElfFile& elf_file, const NamedBytes& file, const PlannedPartition& partition,
                                  const SegmentLimits& limits, std::uint64_t entry, GuestImage& image,
                                  std::vector<config::Diagnostic>& diagnostics);

// The first page behind all segments, guest-physical.
[[nodiscard]] std::uint64_t segments_end(const ElfFile& elf_file);

} // namespace septum::build
