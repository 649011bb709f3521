// SPDX-License-Identifier: Apache-2.0
#include "build/tables/elf.hpp"

#include <algorithm>

namespace septum::build {
namespace {

// The same offsets in both classes (gABI figure 4-3).
constexpr std::size_t kClass = 4; // EI_CLASS
constexpr std::size_t kData = 5;  // EI_DATA
constexpr std::size_t kType = 16;
constexpr std::size_t kMachine = 18;
constexpr std::size_t kEntry = 24;

// Where the classes differ (gABI figures 4-3 and 5-1).
struct Layout {
    std::size_t word; // bytes of an address, an offset, a size
    std::size_t header_size;
    std::size_t program_offset;
    std::size_t program_entry_size;
    std::size_t program_count;
    std::size_t segment_size; // of a program header
    std::size_t segment_flags;
    std::size_t segment_offset;
    std::size_t segment_virtual;
    std::size_t segment_physical;
    std::size_t segment_file_size;
    std::size_t segment_memory_size;
};
constexpr Layout kLayout64{8, 64, 32, 54, 56, 56, 4, 8, 16, 24, 32, 40};
constexpr Layout kLayout32{4, 52, 28, 42, 44, 32, 24, 4, 8, 12, 16, 20};
constexpr std::size_t kSegmentType = 0;

constexpr std::uint32_t kMagic = 0x464C'457F; // 7F 'E' 'L' 'F'
constexpr std::uint8_t kClass32 = 1;
constexpr std::uint8_t kClass64 = 2;
constexpr std::uint8_t kLittleEndian = 1;
constexpr std::uint16_t kExecutable = 2;  // ET_EXEC
constexpr std::uint16_t kShared = 3;      // ET_DYN
constexpr std::uint16_t kI386 = 3;        // EM_386
constexpr std::uint16_t kX86_64 = 62;     // EM_X86_64
constexpr std::uint32_t kLoad = 1;        // PT_LOAD
constexpr std::uint32_t kInterpreter = 3; // PT_INTERP
constexpr std::uint32_t kNote = 4;        // PT_NOTE

std::string truncated(std::uint64_t expected, std::uint64_t found, const char* what) {
    return std::string("is truncated: ") + what + " needs " + std::to_string(expected) + " bytes, found " +
           std::to_string(found);
}

std::uint64_t load_word(ByteView bytes, std::size_t at, const Layout& layout) {
    return layout.word == 8 ? load<std::uint64_t>(bytes, at) : load<std::uint32_t>(bytes, at);
}

std::string first_bytes(ByteView bytes) {
    constexpr const char* kHex = "0123456789abcdef";
    std::string found = bytes.empty() ? "an empty file" : "";
    for (std::size_t i = 0; i < bytes.size() && i < 4; ++i) {
        found += (i == 0 ? "" : " ");
        found += kHex[bytes[i] >> 4U];
        found += kHex[bytes[i] & 15U];
    }
    return found;
}

// The class's layout, or null and what is wrong.
const Layout* check_header(ByteView bytes, ElfKind kind, FormatError& error) {
    if (bytes.size() < 4 || load<std::uint32_t>(bytes, 0) != kMagic) {
        error.message = "is not an ELF file: expected it to begin with 7f 45 4c 46, found " + first_bytes(bytes);
        return nullptr;
    }
    if (bytes.size() <= kClass) {
        error.message = truncated(kLayout64.header_size, bytes.size(), "its header");
        return nullptr;
    }
    const bool is_32 = bytes[kClass] == kClass32 && kind == ElfKind::x86;
    const Layout& layout = is_32 ? kLayout32 : kLayout64;
    if (bytes.size() < layout.header_size) {
        error.message = truncated(layout.header_size, bytes.size(), "its header");
        return nullptr;
    }
    if (!is_32 && bytes[kClass] != kClass64) {
        error.message =
            kind == ElfKind::x86_64
                ? "is not a 64-bit ELF: expected class 2, found " + std::to_string(bytes[kClass])
                : "is no ELF of 32 or 64 bits: expected class 1 or 2, found " + std::to_string(bytes[kClass]);
        return nullptr;
    }
    const auto machine = load<std::uint16_t>(bytes, kMachine);
    const std::uint16_t expected = is_32 ? kI386 : kX86_64;
    if (bytes[kData] != kLittleEndian || machine != expected) {
        error.message = std::string("is not for ") + (is_32 ? "i386" : "x86-64") + ": expected machine " +
                        std::to_string(expected) + ", found " + std::to_string(machine);
        return nullptr;
    }
    const auto type = load<std::uint16_t>(bytes, kType);
    if (type != kExecutable) {
        error.message = "is not a static executable: expected type 2 (ET_EXEC), found " + std::to_string(type) +
                        (type == kShared ? " (ET_DYN)" : "");
        error.help = type == kShared ? "link it with `-static -no-pie`: nothing relocates it" : "";
        return nullptr;
    }
    return &layout;
}

// What a program header says, when it is sound.
bool read_segment(ByteView bytes, ByteView header, const Layout& layout, const std::string& name, ElfSegment& segment,
                  FormatError& error) {
    segment.flags = load<std::uint32_t>(header, layout.segment_flags);
    segment.offset = load_word(header, layout.segment_offset, layout);
    segment.virtual_address = load_word(header, layout.segment_virtual, layout);
    segment.physical_address = load_word(header, layout.segment_physical, layout);
    segment.file_size = load_word(header, layout.segment_file_size, layout);
    segment.memory_size = load_word(header, layout.segment_memory_size, layout);
    if (segment.offset > bytes.size() || segment.file_size > bytes.size() - segment.offset) {
        error.message = truncated(segment.offset + segment.file_size, bytes.size(), name.c_str());
        return false;
    }
    return true;
}

bool check_loaded(const ElfSegment& segment, const std::string& name, FormatError& error) {
    if (segment.file_size > segment.memory_size) {
        error.message = "has a bad program header: " + name + " is larger in the file (" +
                        std::to_string(segment.file_size) + " bytes) than in memory (" +
                        std::to_string(segment.memory_size) + ")";
        return false;
    }
    if (segment.physical_address + segment.memory_size < segment.physical_address ||
        segment.virtual_address + segment.memory_size < segment.virtual_address) {
        error.message = "has a bad program header: " + name + " wraps round the end of the address space";
        return false;
    }
    return true;
}

} // namespace

bool read_elf(ByteView bytes, ElfFile& file, FormatError& error, ElfKind kind) {
    const Layout* layout = check_header(bytes, kind, error);
    if (layout == nullptr) {
        return false;
    }
    file.entry = load_word(bytes, kEntry, *layout);
    const std::uint64_t table = load_word(bytes, layout->program_offset, *layout);
    const std::uint64_t count = load<std::uint16_t>(bytes, layout->program_count);
    const auto entry_size = load<std::uint16_t>(bytes, layout->program_entry_size);
    if (count != 0 && entry_size != layout->segment_size) {
        error.message = "has program headers of " + std::to_string(entry_size) + " bytes, expected " +
                        std::to_string(layout->segment_size);
        return false;
    }
    if (table > bytes.size() || count * layout->segment_size > bytes.size() - table) {
        error.message = truncated(table + count * layout->segment_size, bytes.size(), "its program header table");
        return false;
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        const ByteView header = bytes.subspan(table + i * layout->segment_size, layout->segment_size);
        const auto type = load<std::uint32_t>(header, kSegmentType);
        if (type == kInterpreter) {
            error.message = "is not a static executable: it asks for a dynamic linker";
            error.help = "link it with `-static -no-pie`";
            return false;
        }
        if (type != kLoad && type != kNote) {
            continue;
        }
        const std::string name = "segment " + std::to_string(i);
        ElfSegment segment;
        if (type == kLoad && load_word(header, layout->segment_memory_size, *layout) == 0) {
            continue;
        }
        if (!read_segment(bytes, header, *layout, name, segment, error)) {
            return false;
        }
        if (type == kNote) {
            file.notes.push_back(bytes.subspan(segment.offset, segment.file_size));
            continue;
        }
        if (!check_loaded(segment, name, error)) {
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

ByteView find_note(const ElfFile& file, std::string_view owner, std::uint32_t type) {
    constexpr std::size_t kNoteHeader = 12; // name size, description size, type
    const auto padded = [](std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; };
    for (const ByteView notes : file.notes) {
        std::uint64_t at = 0;
        while (notes.size() - at >= kNoteHeader) {
            const std::uint64_t name_size = load<std::uint32_t>(notes, at);
            const std::uint64_t size = load<std::uint32_t>(notes, at + 4);
            const std::uint64_t name_at = at + kNoteHeader;
            const std::uint64_t description_at = name_at + padded(name_size);
            if (description_at > notes.size() || size > notes.size() - description_at) {
                break;
            }
            const bool same =
                name_size == owner.size() + 1 &&
                std::equal(owner.begin(), owner.end(), notes.begin() + static_cast<std::ptrdiff_t>(name_at));
            if (same && load<std::uint32_t>(notes, at + 8) == type) {
                return notes.subspan(description_at, size);
            }
            const std::uint64_t next = description_at + padded(size);
            if (next > notes.size()) {
                break;
            }
            at = next;
        }
    }
    return {};
}

} // namespace septum::build
