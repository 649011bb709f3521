// SPDX-License-Identifier: Apache-2.0
// What PVH and Multiboot have in common: an ELF entered in 32-bit protected mode, with EBX at a page that describes the
// machine.
#pragma once

#include "build/tables/elf_segments.hpp"
#include "build/tables/pc_guest.hpp"

namespace septum::build {

// Both in the first megabyte, which no segment may use.
inline constexpr std::uint64_t kInformation = 0x1'0000;
inline constexpr std::uint64_t kInformationLine = 0x1'1000; // the command line

// A module that has been placed: guest-physical, in bytes.
struct PlacedModule {
    std::uint64_t at = 0;
    std::uint64_t size = 0;
};

// Makes the page at kInformation, in the protocol's form; `module` is null when there is none.
using MakeInformation = std::vector<std::uint8_t> (*)(const PlannedPartition& partition, const PlacedModule* module);

// Segments, module, command line, information and firmware, entered at `entry`. Nothing, and why in `diagnostics`, when
// they do not fit.
[[nodiscard]] std::optional<GuestImage> information_image(const Plan& plan, std::size_t partition,
                                                          const config::Partition& declared, const NamedBytes& kernel,
                                                          const ElfFile& elf_file, std::uint64_t entry,
                                                          const NamedBytes* module, MakeInformation make_information,
                                                          std::vector<config::Diagnostic>& diagnostics);

} // namespace septum::build
