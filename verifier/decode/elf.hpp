// SPDX-License-Identifier: Apache-2.0
// ELF64 executables for x86-64 (System V gABI chapters 4 and 5): the kernel's segments.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

inline constexpr std::uint32_t kElfExecute = 1; // p_flags
inline constexpr std::uint32_t kElfWrite = 2;
inline constexpr std::uint32_t kElfRead = 4;

struct ElfSegment {           // PT_LOAD, in file order
    std::uint64_t offset = 0; // in the file
    std::uint64_t virtual_address = 0;
    std::uint64_t physical_address = 0;
    std::uint64_t file_size = 0;
    std::uint64_t memory_size = 0; // ≥ file_size
    std::uint32_t flags = 0;       // p_flags
    bool boot_only = false;        // layout::kSegmentBootOnly
    ByteSpan bytes;                // file_size bytes, inside the file
};

struct Elf {
    std::uint64_t entry = 0;
    std::uint16_t machine = 0;
    std::vector<ElfSegment> segments;
    Defects defects; // address: offset in the file
};

// Errors: not a 64-bit little-endian x86-64 executable, headers or segments beyond the file.
[[nodiscard]] config::Outcome<Elf> decode_elf(ByteSpan file);

} // namespace septum::verifier::decode
