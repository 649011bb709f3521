// SPDX-License-Identifier: Apache-2.0
// FAT32 and FAT12 (Microsoft's "FAT: General Overview of On-Disk Format", version 1.03, "fatgen103") with long names.
#pragma once

#include "verifier/decode/bytes.hpp"

#include <memory>

namespace septum::verifier::decode {

struct FatFile {
    std::string path;         // absolute, in lower case, as FAT compares names: "/boot/grub/grub.cfg"
    std::uint64_t offset = 0; // of its first cluster in the image, bytes; 0 when it is empty
    ByteSpan contents;        // in the image, or in `Fat32::copies` when its clusters are not one behind the other
};

struct Fat32 {
    std::string label;
    std::vector<FatFile> files; // sorted by path; directories left out
    Defects defects;            // address: offset in the image
    std::vector<std::unique_ptr<std::vector<std::uint8_t>>> copies;

    // The only file of that path; null when there is none (or more than one: then `defects` says so).
    [[nodiscard]] const FatFile* find(std::string_view path) const;
};

// `what` names the file system in messages; `place` is where it begins in the image, in bytes. A file system of any
// other form than two FATs that mirror each other on sectors of 512 bytes, or a FAT16, is not decoded: an error.
[[nodiscard]] config::Outcome<Fat32> decode_fat32(ByteSpan volume, const std::string& what, std::uint64_t place);

} // namespace septum::verifier::decode
