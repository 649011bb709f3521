// SPDX-License-Identifier: Apache-2.0
// What every guest that expects a PC finds, whatever protocol starts it: a memory map, ACPI tables, the information
// page and something behind the reset vector.
#pragma once

#include "build/tables/guest_image.hpp"

#include <septum/guest/board.hpp>

namespace septum::build {

inline constexpr std::uint64_t kLowRamEnd = 0xA'0000; // above: a PC's display memory and ROMs
inline constexpr std::uint64_t kHighRam = 0x10'0000;

// As E820, PVH and Multiboot number them.
enum class MapType : std::uint32_t { ram = 1, reserved = 2 };
struct MapEntry {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    MapType type = MapType::ram;
};
// Sorted and disjoint: RAM below 640 KiB, the firmware's place, the rest of RAM.
[[nodiscard]] std::vector<MapEntry> memory_map(const PlannedPartition& partition);

// A piece made here.
void add_piece(GuestImage& image, std::uint64_t gpa, std::vector<std::uint8_t> bytes);
// A piece that is a view of a payload file.
void add_view(GuestImage& image, std::uint64_t gpa, ByteView bytes);

// ACPI tables at guest::kAcpiBase, information page, reset stub.
void add_firmware(GuestImage& image, const Plan& plan, std::size_t partition, const config::Partition& declared);

// Where a module goes: whole pages, as high as it can below `top`, above `bottom`. Nothing, and why in `diagnostics`,
// when it is empty or has no room.
[[nodiscard]] std::optional<std::uint64_t> place_module(const NamedBytes& module, std::uint64_t bottom,
                                                        std::uint64_t top, const PlannedPartition& partition,
                                                        std::vector<config::Diagnostic>& diagnostics);

// The command line, behind `word` when that is not empty, with its zero; false, and why in `diagnostics`, when it is
// longer than `room` without it.
[[nodiscard]] bool make_command_line(const config::Partition& declared, const NamedBytes& kernel, std::uint64_t room,
                                     std::string_view word, std::vector<std::uint8_t>& line,
                                     std::vector<config::Diagnostic>& diagnostics);

// Sorted, as GuestImage wants them.
void sort_pieces(GuestImage& image);

} // namespace septum::build
