// SPDX-License-Identifier: Apache-2.0
// A GUID partition table (UEFI 2.10 §5) round the contents of a disk with sectors of 512 bytes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace septum::build {

inline constexpr std::uint64_t kDiskSector = 512;    // bytes
inline constexpr std::uint64_t kGptFirstUsable = 34; // sectors: protective MBR, header, 128 entries
inline constexpr std::uint64_t kGptBehind = 33;      // sectors of the backup, at the disk's end

// As it lies in the table: the first three fields little-endian (UEFI 2.10 appendix A).
using Guid = std::array<std::uint8_t, 16>;

// UEFI 2.10 table 5.7; GRUB manual §3.4 "BIOS installation"; Microsoft's basic data.
inline constexpr Guid kEfiSystem = {0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11,
                                    0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B};
inline constexpr Guid kBiosBoot = {0x48, 0x61, 0x68, 0x21, 0x49, 0x64, 0x6F, 0x6E,
                                   0x74, 0x4E, 0x65, 0x65, 0x64, 0x45, 0x46, 0x49};
inline constexpr Guid kBasicData = {0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44,
                                    0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7};

struct GptPartition {
    Guid type{};
    Guid id{};
    std::uint64_t first = 0; // sector
    std::uint64_t count = 0; // sectors
    std::string name;        // ASCII, at most 36 characters
};

// Writes both tables and the protective MBR's entry and signature into `disk`, whose size is a multiple of 512. The
// MBR's code (its first 440 bytes) and the partitions' contents are left alone.
void write_gpt(std::span<std::uint8_t> disk, const Guid& id, const std::vector<GptPartition>& partitions);

// An identifier chosen by a digest (RFC 9562 §5.8, version 8).
[[nodiscard]] Guid guid_of(std::span<const std::uint8_t, 32> digest);

} // namespace septum::build
