// SPDX-License-Identifier: Apache-2.0
#include "build/tables/elf.hpp"

#include "build/plan/plan.hpp"

namespace septum::build {
namespace {

// Offsets in the file header (gABI figure 4-3, ELF64).
constexpr std::size_t kHeaderSize = 64;
constexpr std::size_t kClass = 4; // EI_CLASS
constexpr std::size_t kData = 5;  // EI_DATA
constexpr std::size_t kType = 16;
constexpr std::size_t kMachine = 18;
constexpr std::size_t kEntry = 24;
constexpr std::size_t kProgramOffset = 32;
constexpr std::size_t kProgramEntrySize = 54;
constexpr std::size_t kProgramCount = 56;

// Offsets in a program header (gABI figure 5-1, ELF64).
constexpr std::size_t kProgramHeaderSize = 56;
constexpr std::size_t kSegmentType = 0;
constexpr std::size_t kSegmentFlags = 4;
constexpr std::size_t kSegmentOffset = 8;
constexpr std::size_t kSegmentVirtual = 16;
constexpr std::size_t kSegmentPhysical = 24;
constexpr std::size_t kSegmentFileSize = 32;
constexpr std::size_t kSegmentMemorySize = 40;

constexpr std::uint32_t kMagic = 0x464C'457F; // 7F 'E' 'L' 'F'
constexpr std::uint8_t kClass64 = 2;
constexpr std::uint8_t kLittleEndian = 1;
constexpr std::uint16_t kExecutable = 2;  // ET_EXEC
constexpr std::uint16_t kShared = 3;      // ET_DYN
constexpr std::uint16_t kX86_64 = 62;     // EM_X86_64
constexpr std::uint32_t kLoad = 1;        // PT_LOAD
constexpr std::uint32_t kInterpreter = 3; // PT_INTERP

std::string truncated(std::uint64_t expected, std::uint64_t found, const char* what) {
    return std::string("is truncated: ") + what + " needs " + std::to_string(expected) + " bytes, found " +
           std::to_string(found);
}

bool check_header(ByteView bytes, FormatError& error) {
    if (bytes.size() < 4 || load<std::uint32_t>(bytes, 0) != kMagic) {
        std::string found = bytes.empty() ? "an empty file" : "";
        for (std::size_t i = 0; i < bytes.size() && i < 4; ++i) {
            constexpr const char* kHex = "0123456789abcdef";
            found += (i == 0 ? "" : " ");
            found += kHex[bytes[i] >> 4U];
            found += kHex[bytes[i] & 15U];
        }
        error.message = "is not an ELF file: expected it to begin with 7f 45 4c 46, found " + found;
        return false;
    }
    if (bytes.size() < kHeaderSize) {
        error.message = truncated(kHeaderSize, bytes.size(), "its header");
        return false;
    }
    if (bytes[kClass] != kClass64) {
        error.message = "is not a 64-bit ELF: expected class 2, found " + std::to_string(bytes[kClass]);
        return false;
    }
    const auto machine = load<std::uint16_t>(bytes, kMachine);
    if (bytes[kData] != kLittleEndian || machine != kX86_64) {
        error.message = "is not for x86-64: expected machine 62, found " + std::to_string(machine);
        return false;
    }
    const auto type = load<std::uint16_t>(bytes, kType);
    if (type != kExecutable) {
        error.message = "is not a static executable: expected type 2 (ET_EXEC), found " + std::to_string(type) +
                        (type == kShared ? " (ET_DYN)" : "");
        error.help = type == kShared ? "link it with `-static -no-pie`: nothing relocates it" : "";
        return false;
    }
    return true;
}

} // namespace

bool read_elf(ByteView bytes, ElfFile& file, FormatError& error) {
    if (!check_header(bytes, error)) {
        return false;
    }
    file.entry = load<std::uint64_t>(bytes, kEntry);
    const auto table = load<std::uint64_t>(bytes, kProgramOffset);
    const std::uint64_t count = load<std::uint16_t>(bytes, kProgramCount);
    if (count != 0 && load<std::uint16_t>(bytes, kProgramEntrySize) != kProgramHeaderSize) {
        error.message = "has program headers of " + std::to_string(load<std::uint16_t>(bytes, kProgramEntrySize)) +
                        " bytes, expected 56";
        return false;
    }
    if (table > bytes.size() || count * kProgramHeaderSize > bytes.size() - table) {
        error.message = truncated(table + count * kProgramHeaderSize, bytes.size(), "its program header table");
        return false;
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        const ByteView header = bytes.subspan(table + i * kProgramHeaderSize, kProgramHeaderSize);
        const auto type = load<std::uint32_t>(header, kSegmentType);
        if (type == kInterpreter) {
            error.message = "is not a static executable: it asks for a dynamic linker";
            error.help = "link it with `-static -no-pie`";
            return false;
        }
        if (type != kLoad) {
            continue;
        }
        ElfSegment segment;
        segment.flags = load<std::uint32_t>(header, kSegmentFlags);
        segment.offset = load<std::uint64_t>(header, kSegmentOffset);
        segment.virtual_address = load<std::uint64_t>(header, kSegmentVirtual);
        segment.physical_address = load<std::uint64_t>(header, kSegmentPhysical);
        segment.file_size = load<std::uint64_t>(header, kSegmentFileSize);
        segment.memory_size = load<std::uint64_t>(header, kSegmentMemorySize);
        if (segment.memory_size == 0) {
            continue;
        }
        const std::string name = "segment " + std::to_string(i);
        if (segment.offset > bytes.size() || segment.file_size > bytes.size() - segment.offset) {
            error.message = truncated(segment.offset + segment.file_size, bytes.size(), name.c_str());
            return false;
        }
        if (segment.file_size > segment.memory_size) {
            error.message = name + " is larger in the file (" + std::to_string(segment.file_size) +
                            " bytes) than in memory (" + std::to_string(segment.memory_size) + ")";
            error.message = "has a bad program header: " + error.message;
            return false;
        }
        if (segment.physical_address + segment.memory_size < segment.physical_address ||
            segment.virtual_address + segment.memory_size < segment.virtual_address) {
            error.message = "has a bad program header: " + name + " wraps round the end of the address space";
            return false;
        }
        file.segments.push_back(segment);
    }
    if (file.segments.empty()) {
        error.message = "has nothing to load: expected at least one PT_LOAD segment";
        return false;
    }
    return true;
}

} // namespace septum::build
