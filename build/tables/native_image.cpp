// SPDX-License-Identifier: Apache-2.0
#include "build/tables/elf.hpp"
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
    bool entry_found = false;
    const std::uint64_t limit = ram - kStackReserve;
    for (std::size_t i = 0; i < elf_file.segments.size(); ++i) {
        const ElfSegment& segment = elf_file.segments[i];
        const std::uint64_t base = segment.physical_address;
        const std::string where = format_range(base, segment.memory_size);
        if (base < guest::kNativeLoadBase) {
            outcome.diagnostics.push_back(payload_error(
                "mem.payload-fits", file,
                "has a segment at " + where + ", expected it at or above " + format_address(guest::kNativeLoadBase),
                "linked too low", "link it with its text at " + format_address(guest::kNativeLoadBase)));
            continue;
        }
        if (base > limit || segment.memory_size > limit - base) {
            outcome.diagnostics.push_back(
                payload_error("mem.payload-fits", file,
                              "has a segment at " + where + ", expected it to end at or below " +
                                  format_address(limit) + ", where the " + format_size(partition.ram.size) + " of `" +
                                  partition.name + "` leave room for the stack",
                              "does not fit", "give `" + partition.name + "` more memory, or link it lower"));
            continue;
        }
        for (std::size_t k = 0; k < i; ++k) {
            const ElfSegment& other = elf_file.segments[k];
            if (base < other.physical_address + other.memory_size &&
                other.physical_address < base + segment.memory_size) {
                outcome.diagnostics.push_back(payload_error(
                    "payload.format", file,
                    "has segments that overlap: " + format_range(other.physical_address, other.memory_size) + " and " +
                        where,
                    "would be loaded over itself", ""));
            }
        }
        if ((segment.flags & elf::kExecute) != 0 && elf_file.entry >= base &&
            elf_file.entry - base < segment.memory_size) {
            entry_found = true;
        }
        if (segment.file_size != 0) {
            Piece piece;
            piece.gpa = Gpa{base};
            piece.view = file.bytes.subspan(segment.offset, segment.file_size);
            image.pieces.push_back(std::move(piece));
        }
    }
    if (outcome.diagnostics.empty() && !entry_found) {
        outcome.diagnostics.push_back(payload_error("payload.format", file,
                                                    "has its entry at " + format_address(elf_file.entry) +
                                                        ", expected it inside an executable segment",
                                                    "would start in nowhere", ""));
    }
    if (!outcome.diagnostics.empty()) {
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
