// SPDX-License-Identifier: Apache-2.0
#include "build/image/gpt.hpp"

#include <algorithm>

namespace septum::build {
namespace {

constexpr std::size_t kEntries = 128;
constexpr std::size_t kEntrySize = 128;
constexpr std::size_t kHeaderSize = 92;
constexpr std::uint32_t kRevision = 0x0001'0000;

// CRC-32 as UEFI 2.10 §4.2 wants it: the one of ISO 3309, polynomial 0x04C11DB7, reflected.
std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
    std::uint32_t crc = ~0U;
    for (const std::uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB8'8320U : 0U);
    }
    return ~crc;
}

template <typename T>
void put(std::span<std::uint8_t> out, std::size_t at, T value) {
    for (std::size_t i = 0; i < sizeof value; ++i)
        out[at + i] = static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * i));
}

void put_guid(std::span<std::uint8_t> out, std::size_t at, const Guid& guid) {
    std::copy(guid.begin(), guid.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
}

struct Tables {
    std::uint64_t own = 0;     // the sector of this header
    std::uint64_t other = 0;   // of the other one
    std::uint64_t entries = 0; // where this one's entries begin
};

// §5.3.2, table 5.5
void put_header(std::span<std::uint8_t> sector, const Guid& id, std::uint64_t sectors, std::uint32_t entries_crc,
                const Tables& tables) {
    const std::string_view signature = "EFI PART";
    std::copy(signature.begin(), signature.end(), sector.begin());
    put(sector, 8, kRevision);
    put(sector, 12, static_cast<std::uint32_t>(kHeaderSize));
    put(sector, 24, tables.own);
    put(sector, 32, tables.other);
    put(sector, 40, kGptFirstUsable);
    put(sector, 48, sectors - kGptBehind - 1);
    put_guid(sector, 56, id);
    put(sector, 72, tables.entries);
    put(sector, 80, static_cast<std::uint32_t>(kEntries));
    put(sector, 84, static_cast<std::uint32_t>(kEntrySize));
    put(sector, 88, entries_crc);
    put(sector, 16, crc32(sector.first(kHeaderSize))); // of the header with zero in this place
}

} // namespace

void write_gpt(std::span<std::uint8_t> disk, const Guid& id, const std::vector<GptPartition>& partitions) {
    const std::uint64_t sectors = disk.size() / kDiskSector;
    const auto sector = [&](std::uint64_t at, std::uint64_t count) {
        return disk.subspan(at * kDiskSector, count * kDiskSector);
    };

    // §5.2.3: one entry of type 0xEE over the whole disk.
    const auto mbr = sector(0, 1);
    std::fill(mbr.begin() + 440, mbr.end(), std::uint8_t{0});
    const std::uint8_t protective[] = {0x00, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF};
    std::copy(std::begin(protective), std::end(protective), mbr.begin() + 446);
    put(mbr, 454, std::uint32_t{1});
    put(mbr, 458, static_cast<std::uint32_t>(std::min<std::uint64_t>(sectors - 1, 0xFFFF'FFFF)));
    put(mbr, 510, std::uint16_t{0xAA55});

    // §5.3.3, table 5.6
    std::vector<std::uint8_t> entries(kEntries * kEntrySize);
    for (std::size_t i = 0; i < partitions.size(); ++i) {
        const GptPartition& partition = partitions[i];
        const std::span<std::uint8_t> entry(&entries[i * kEntrySize], kEntrySize);
        put_guid(entry, 0, partition.type);
        put_guid(entry, 16, partition.id);
        put(entry, 32, partition.first);
        put(entry, 40, partition.first + partition.count - 1);
        for (std::size_t n = 0; n < partition.name.size(); ++n) // UTF-16LE
            entry[56 + 2 * n] = static_cast<std::uint8_t>(partition.name[n]);
    }
    const std::uint32_t crc = crc32(entries);
    const std::uint64_t last = sectors - 1;
    for (const Tables& tables : {Tables{1, last, 2}, Tables{last, 1, sectors - kGptBehind}}) {
        const auto into = sector(tables.entries, kGptBehind - 1);
        std::copy(entries.begin(), entries.end(), into.begin());
        put_header(sector(tables.own, 1), id, sectors, crc, tables);
    }
}

Guid guid_of(std::span<const std::uint8_t, 32> digest) {
    Guid id;
    std::copy_n(digest.begin(), id.size(), id.begin());
    id[7] = static_cast<std::uint8_t>((id[7] & 0x0F) | 0x80); // the high byte of time_hi_and_version
    id[8] = static_cast<std::uint8_t>((id[8] & 0x3F) | 0x80);
    return id;
}

} // namespace septum::build
