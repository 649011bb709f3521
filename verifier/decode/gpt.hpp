// SPDX-License-Identifier: Apache-2.0
// A GUID partition table and its protective MBR (UEFI 2.10 §5.2.3 and §5.3), on sectors of 512 bytes.
#pragma once

#include "verifier/decode/bytes.hpp"

#include <array>

namespace septum::verifier::decode {

inline constexpr std::uint64_t kDiskSector = 512;

struct GptPartition {
    unsigned number = 0; // from 1, the entry's place in the table: what "gpt3" counts
    std::string type;    // "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
    std::string id;
    std::uint64_t first = 0; // sector
    std::uint64_t last = 0;  // sector, inclusive
    std::string name;        // what is not ASCII in it is `?`

    [[nodiscard]] std::uint64_t offset() const { return first * kDiskSector; }
    [[nodiscard]] std::uint64_t size() const { return (last - first + 1) * kDiskSector; }
};

struct Gpt {
    std::uint64_t sectors = 0; // of the disk
    std::string id;
    std::vector<GptPartition> partitions; // by number; each lies within the disk
    Defects defects;                      // address: offset in the image
    ByteSpan bytes;                       // the image: must outlive this

    [[nodiscard]] ByteSpan contents(const GptPartition& partition) const;
};

// Whether there is a table's signature where one would be.
[[nodiscard]] bool looks_like_gpt(ByteSpan image);

// Defects: a checksum that is wrong, a backup that differs, partitions that overlap or lie in the tables, anything that
// is set and not known here, bytes that belong to no structure. Errors: no table, an image cut short or with more
// behind it, a table of another form than 128 entries of 128 bytes.
[[nodiscard]] config::Outcome<Gpt> decode_gpt(ByteSpan image);

} // namespace septum::verifier::decode
