// SPDX-License-Identifier: Apache-2.0
// Reading ELF program headers (System V ABI, gABI chapter 5; x86-64 and i386 psABI).
#pragma once

#include "build/tables/bytes.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace septum::build {

namespace elf {
inline constexpr std::uint32_t kExecute = 1; // PF_X
inline constexpr std::uint32_t kWrite = 2;   // PF_W
} // namespace elf

struct ElfSegment { // PT_LOAD
    std::uint32_t flags = 0;
    std::uint64_t offset = 0;
    std::uint64_t virtual_address = 0;
    std::uint64_t physical_address = 0;
    std::uint64_t file_size = 0;
    std::uint64_t memory_size = 0;
};

struct ElfFile {
    std::uint64_t entry = 0;
    std::vector<ElfSegment> segments; // non-empty PT_LOADs, in file order
    std::vector<ByteView> notes;      // PT_NOTEs, in file order
};

// What is wrong with a file, in a message's words: "is not an ELF file: expected …, found …".
struct FormatError {
    std::string message;
    std::string help;
};

enum class ElfKind : std::uint8_t {
    x86_64, // ELF64 for x86-64
    x86,    // that, or ELF32 for i386
};

// True and `file` filled when `bytes` is a complete static executable of `kind`; else `error` says why not.
// Every segment's file bytes lie inside `bytes`; sizes and addresses do not wrap round.
[[nodiscard]] bool read_elf(ByteView bytes, ElfFile& file, FormatError& error, ElfKind kind = ElfKind::x86_64);

// The description of the first note of `type` by `owner` (gABI "Note Section"); empty when there is none.
[[nodiscard]] ByteView find_note(const ElfFile& file, std::string_view owner, std::uint32_t type);

} // namespace septum::build
