// SPDX-License-Identifier: Apache-2.0
#include "build/tables/elf_segments.hpp"

#include "build/tables/payload_error.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>

namespace septum::build {
namespace {

bool overlap(const ElfSegment& a, const ElfSegment& b) {
    return a.physical_address < b.physical_address + b.memory_size &&
           b.physical_address < a.physical_address + a.memory_size;
}

std::string where(const ElfSegment& segment) {
    return format_range(segment.physical_address, segment.memory_size);
}

// Inside the partition's memory, above what the virtual board keeps for itself.
bool fits(const ElfSegment& segment, const NamedBytes& file, const PlannedPartition& partition,
          const SegmentLimits& limits, std::vector<config::Diagnostic>& diagnostics) {
    const std::uint64_t base = segment.physical_address;
    if (base < guest::kNativeLoadBase) {
        diagnostics.push_back(payload_error("mem.payload-fits", file,
                                            "has a segment at " + where(segment) + ", expected it at or above " +
                                                format_address(guest::kNativeLoadBase),
                                            "linked too low",
                                            "link it with its text at " + format_address(guest::kNativeLoadBase)));
        return false;
    }
    if (base > limits.limit || segment.memory_size > limits.limit - base) {
        const std::string reserve = limits.reserve.empty() ? " end" : " leave " + std::string(limits.reserve);
        diagnostics.push_back(payload_error(
            "mem.payload-fits", file,
            "has a segment at " + where(segment) + ", expected it to end at or below " + format_address(limits.limit) +
                ", where the " + format_size(partition.ram.size) + " of `" + partition.name + "`" + reserve,
            "does not fit", "give `" + partition.name + "` more memory, or link it lower"));
        return false;
    }
    return true;
}

} // namespace

bool place_segments(const ElfFile& elf_file, const NamedBytes& file, const PlannedPartition& partition,
                    const SegmentLimits& limits, std::uint64_t entry, GuestImage& image,
                    std::vector<config::Diagnostic>& diagnostics) {
    const std::size_t before = diagnostics.size();
    bool entry_found = false;
    for (std::size_t i = 0; i < elf_file.segments.size(); ++i) {
        const ElfSegment& segment = elf_file.segments[i];
        if (!fits(segment, file, partition, limits, diagnostics)) {
            continue;
        }
        for (std::size_t k = 0; k < i; ++k) {
            if (overlap(segment, elf_file.segments[k])) {
                diagnostics.push_back(payload_error("payload.format", file,
                                                    "has segments that overlap: " + where(elf_file.segments[k]) +
                                                        " and " + where(segment),
                                                    "would be loaded over itself", ""));
            }
        }
        if ((segment.flags & elf::kExecute) != 0 && entry >= segment.physical_address &&
            entry - segment.physical_address < segment.memory_size) {
            entry_found = true;
        }
        if (segment.file_size != 0) {
            Piece piece;
            piece.gpa = Gpa{segment.physical_address};
            piece.view = file.bytes.subspan(segment.offset, segment.file_size);
            image.pieces.push_back(std::move(piece));
        }
    }
    if (diagnostics.size() == before && !entry_found) {
        diagnostics.push_back(
            payload_error("payload.format", file,
                          "has its entry at " + format_address(entry) + ", expected it inside an executable segment",
                          "would start in nowhere", ""));
    }
    return diagnostics.size() == before;
}

std::uint64_t segments_end(const ElfFile& elf_file) {
    std::uint64_t end = 0;
    for (const ElfSegment& segment : elf_file.segments) {
        end = std::max(end, segment.physical_address + segment.memory_size);
    }
    return (end + kPageSize - 1) & ~(kPageSize - 1);
}

} // namespace septum::build
