// SPDX-License-Identifier: Apache-2.0
#include "build/tables/elf_segments.hpp"
#include "build/tables/guest_image.hpp"
#include "build/tables/guest_info.hpp"
#include "build/tables/guest_tables.hpp"
#include "build/tables/payload_error.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>

namespace septum::build {
namespace {

// The boot CPU is entered with its stack at the top of RAM, so the last page is not for segments.
constexpr std::uint64_t kStackReserve = kPageSize;

} // namespace

config::Outcome<GuestImage> native_image(const Plan& plan, std::size_t index, const NamedBytes& file) {
    config::Outcome<GuestImage> outcome;
    const auto& partition = plan.partitions[index];
    const std::uint64_t ram = std::min(partition.ram.size, guest::kLowRamLimit);

    ElfFile elf_file;
    FormatError error;
    if (!read_elf(file.bytes, elf_file, error)) {
        outcome.diagnostics.push_back(
            payload_error("payload.format", file, error.message, "expected a 64-bit ELF executable", error.help));
        return outcome;
    }

    GuestImage image;
    if (!place_segments(elf_file, file, partition, {.limit = ram - kStackReserve, .reserve = "room for the stack"},
                        elf_file.entry, image, outcome.diagnostics)) {
        return outcome;
    }

    Piece tables;
    tables.gpa = Gpa{guest::kPageTablesBase};
    tables.own.resize(kGuestTablesSize);
    write_guest_tables(tables.gpa, tables.own);
    image.pieces.push_back(std::move(tables));

    Piece info;
    info.gpa = Gpa{guest::kInfoBase};
    info.own.resize(sizeof(guest::Info));
    store(ByteSpan(info.own), 0, guest_info(plan, index));
    image.pieces.push_back(std::move(info));

    std::sort(image.pieces.begin(), image.pieces.end(), [](const Piece& a, const Piece& b) { return a.gpa < b.gpa; });
    image.entry.rip = elf_file.entry;
    image.entry.rsp = ram - 16;
    image.entry.cr3 = guest::kPageTablesBase;
    image.rdi = guest::kInfoBase;
    outcome.value = std::move(image);
    return outcome;
}

} // namespace septum::build
