// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/elf.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr std::string_view kId = "image.kernel";
constexpr std::uint64_t kHeaderSize = 64;
constexpr std::uint64_t kProgramHeaderSize = 56;
constexpr std::uint16_t kTypeExecutable = 2; // ET_EXEC
constexpr std::uint16_t kMachineX86_64 = 62; // EM_X86_64
constexpr std::uint32_t kLoad = 1;           // PT_LOAD
constexpr std::uint16_t kMaxProgramHeaders = 64;

config::Outcome<Elf> fail(std::string message) {
    config::Outcome<Elf> outcome;
    outcome.diagnostics.push_back(error(kId, std::move(message), "build the kernel again, or name the right file"));
    return outcome;
}

} // namespace

config::Outcome<Elf> decode_elf(ByteSpan file) {
    if (file.size() < kHeaderSize) {
        return fail("the kernel is cut short: an ELF header takes 64 bytes, found " + std::to_string(file.size()));
    }
    if (le32(file, 0) != 0x464C457FU) {
        return fail("the kernel is not an ELF file: expected magic 0x464c457f, found " + hex(*le32(file, 0)));
    }
    if (file[4] != 2 || file[5] != 1) {
        return fail("the kernel is not a 64-bit little-endian ELF: expected class 2 and data 1, found class " +
                    std::to_string(file[4]) + " and data " + std::to_string(file[5]));
    }
    Elf elf;
    const std::uint16_t type = *le16(file, 16);
    elf.machine = *le16(file, 18);
    elf.entry = *le64(file, 24);
    if (type != kTypeExecutable || elf.machine != kMachineX86_64) {
        return fail("the kernel is not an x86-64 executable: expected type 2 and machine 62, found type " +
                    std::to_string(type) + " and machine " + std::to_string(elf.machine));
    }
    const std::uint64_t table = *le64(file, 32);
    const std::uint16_t entry_size = *le16(file, 54);
    const std::uint16_t count = *le16(file, 56);
    if (entry_size != kProgramHeaderSize || count > kMaxProgramHeaders ||
        !slice(file, table, kProgramHeaderSize * count)) {
        return fail("the kernel's program headers do not lie in the file: " + std::to_string(count) + " of " +
                    std::to_string(entry_size) + " bytes at " + hex(table) + " in " + std::to_string(file.size()) +
                    " bytes");
    }
    for (std::uint16_t i = 0; i < count; ++i) {
        const std::uint64_t at = table + kProgramHeaderSize * i;
        if (le32(file, at) != kLoad) {
            continue;
        }
        ElfSegment segment;
        segment.flags = *le32(file, at + 4);
        segment.offset = *le64(file, at + 8);
        segment.virtual_address = *le64(file, at + 16);
        segment.physical_address = *le64(file, at + 24);
        segment.file_size = *le64(file, at + 32);
        segment.memory_size = *le64(file, at + 40);
        segment.boot_only = (segment.flags & layout::kSegmentBootOnly) != 0;
        const auto bytes = slice(file, segment.offset, segment.file_size);
        if (!bytes) {
            return fail("the kernel's segment " + std::to_string(i) +
                        " reaches beyond the file: " + std::to_string(segment.file_size) + " bytes at " +
                        hex(segment.offset) + " in " + std::to_string(file.size()) + " bytes");
        }
        segment.bytes = *bytes;
        const std::string what = "kernel segment " + std::to_string(i);
        if (segment.memory_size < segment.file_size) {
            elf.defects.add(DefectKind::wrong_value, what + " is smaller in memory than in the file", at + 40,
                            segment.file_size, segment.memory_size);
        }
        if (!fits(segment.physical_address, std::max(segment.memory_size, segment.file_size), ~0ULL)) {
            elf.defects.add(DefectKind::out_of_range, what + " wraps round the address space", at + 24, 0,
                            segment.physical_address);
        }
        if (segment.virtual_address != segment.physical_address) {
            elf.defects.add(DefectKind::wrong_value, what + " is not identity mapped", at + 16,
                            segment.physical_address, segment.virtual_address);
        }
        elf.segments.push_back(segment);
    }
    // What the loader would place twice.
    for (std::size_t i = 0; i < elf.segments.size(); ++i) {
        for (std::size_t j = i + 1; j < elf.segments.size(); ++j) {
            const ElfSegment& a = elf.segments[i];
            const ElfSegment& b = elf.segments[j];
            if (a.memory_size != 0 && b.memory_size != 0 &&
                (a.physical_address <= b.physical_address ? b.physical_address - a.physical_address < a.memory_size
                                                          : a.physical_address - b.physical_address < b.memory_size)) {
                elf.defects.add(DefectKind::overlap, "kernel segments overlap in memory", b.offset, a.physical_address,
                                b.physical_address);
            }
        }
    }
    return {std::move(elf), {}};
}

} // namespace septum::verifier::decode
