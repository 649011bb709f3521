// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/gpt.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr std::string_view kId = "image.layout";
constexpr std::string_view kSignature = "EFI PART";
constexpr std::uint64_t kHeaderSize = 92;
constexpr std::uint64_t kEntries = 128;
constexpr std::uint64_t kEntrySize = 128;
constexpr std::uint64_t kEntrySectors = kEntries * kEntrySize / kDiskSector;
constexpr std::uint64_t kLeastSectors = 2 * (1 + kEntrySectors) + 2; // MBR, both tables, one sector between
constexpr std::size_t kBootCode = 440;                               // of the MBR
constexpr std::size_t kNameUnits = 36;

// Appendix A: the first three fields are little-endian, the rest is in order.
std::string guid_text(ByteSpan bytes) {
    static constexpr std::array<int, 16> order = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < order.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out += '-';
        }
        const std::uint8_t byte = bytes[static_cast<std::size_t>(order[i])];
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

bool zero(ByteSpan bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

config::Diagnostic defective(std::string message, std::string help) {
    return error(kId, std::move(message), std::move(help));
}

struct Header {
    std::uint64_t own = 0;
    std::uint64_t other = 0;
    std::uint64_t first_usable = 0;
    std::uint64_t last_usable = 0;
    std::uint64_t entries_at = 0;
    std::uint32_t entries_crc = 0;
    ByteSpan id;
};

class Reader {
public:
    Reader(ByteSpan image, Gpt& gpt) : image_(image), gpt_(gpt), last_(gpt.sectors - 1) {}

    void run(const Header& primary) {
        protective_mbr();
        header("the primary gpt header", primary, 1, last_, 2);
        const ByteSpan backup_sector = sector(last_);
        if (!std::equal(kSignature.begin(), kSignature.end(), backup_sector.begin())) {
            defect(DefectKind::wrong_value, "the disk has no backup gpt header in its last sector", last_ * kDiskSector,
                   kSignature[0], backup_sector[0]);
        } else {
            const Header backup = read_header(backup_sector);
            header("the backup gpt header", backup, last_, 1, last_ - kEntrySectors);
            if (const auto at = std::mismatch(primary.id.begin(), primary.id.end(), backup.id.begin());
                at.first != primary.id.end()) {
                defect(DefectKind::wrong_value, "the backup gpt header names another disk", last_ * kDiskSector + 56,
                       *at.first, *at.second);
            }
            const ByteSpan one = sectors(2, kEntrySectors);
            const ByteSpan other = sectors(last_ - kEntrySectors, kEntrySectors);
            if (const auto at = std::mismatch(one.begin(), one.end(), other.begin()); at.first != one.end()) {
                const auto offset = static_cast<std::uint64_t>(at.first - one.begin());
                defect(DefectKind::wrong_value, "the backup gpt entries are not the primary ones",
                       (last_ - kEntrySectors) * kDiskSector + offset, *at.first, *at.second);
            }
        }
        entries(sectors(2, kEntrySectors), primary);
        gaps();
    }

    static Header read_header(ByteSpan sector) {
        return {*le64(sector, 24), *le64(sector, 32), *le64(sector, 40),     *le64(sector, 48),
                *le64(sector, 72), *le32(sector, 88), sector.subspan(56, 16)};
    }

private:
    [[nodiscard]] ByteSpan sector(std::uint64_t at) const { return image_.subspan(at * kDiskSector, kDiskSector); }
    [[nodiscard]] ByteSpan sectors(std::uint64_t at, std::uint64_t count) const {
        return image_.subspan(at * kDiskSector, count * kDiskSector);
    }

    void defect(DefectKind kind, std::string text, std::uint64_t at, std::uint64_t expected, std::uint64_t found) {
        gpt_.defects.add(kind, std::move(text), at, expected, found);
    }
    void expect(const std::string& what, std::uint64_t at, std::uint64_t expected, std::uint64_t found,
                DefectKind kind = DefectKind::wrong_value) {
        if (expected != found) {
            defect(kind, what, at, expected, found);
        }
    }

    // §5.2.3, table 5.4: a loader that knows no GPT sees one partition that it does not know either.
    void protective_mbr() {
        const ByteSpan mbr = sector(0);
        expect("the mbr's signature", 510, 0xAA55, *le16(mbr, 510));
        expect("the protective mbr's boot flag", 446, 0, mbr[446]);
        expect("the protective mbr's type", 450, 0xEE, mbr[450]);
        expect("the protective mbr's first sector", 454, 1, *le32(mbr, 454));
        expect("the protective mbr's size", 458, std::min<std::uint64_t>(last_, 0xFFFF'FFFF), *le32(mbr, 458));
        if (!zero(mbr.subspan(462, 48))) {
            defect(DefectKind::unknown, "the mbr has more than its protective partition", 462, 0, 1);
        }
        if (!zero(mbr.subspan(kBootCode, 6))) {
            defect(DefectKind::stray_bytes, "the mbr has a disk signature", kBootCode, 0, 1);
        }
    }

    // §5.3.2, table 5.5
    void header(const std::string& what, const Header& header, std::uint64_t own, std::uint64_t other,
                std::uint64_t entries_at) {
        const ByteSpan bytes = sector(own);
        const std::uint64_t place = own * kDiskSector;
        expect(what + ": revision", place + 8, 0x10000, *le32(bytes, 8), DefectKind::unknown);
        expect(what + ": size", place + 12, kHeaderSize, *le32(bytes, 12), DefectKind::unknown);
        expect(what + ": checksum", place + 16, crc32(bytes.first(kHeaderSize), 16), *le32(bytes, 16),
               DefectKind::checksum);
        expect(what + ": reserved bits", place + 20, 0, *le32(bytes, 20), DefectKind::reserved_bits);
        expect(what + ": its own sector", place + 24, own, header.own);
        expect(what + ": the other header's sector", place + 32, other, header.other);
        expect(what + ": first sector for partitions", place + 40, 2 + kEntrySectors, header.first_usable);
        expect(what + ": last sector for partitions", place + 48, last_ - kEntrySectors - 1, header.last_usable);
        expect(what + ": first sector of its entries", place + 72, entries_at, header.entries_at);
        expect(what + ": number of entries", place + 80, kEntries, *le32(bytes, 80), DefectKind::unknown);
        expect(what + ": size of an entry", place + 84, kEntrySize, *le32(bytes, 84), DefectKind::unknown);
        expect(what + ": checksum of its entries", place + 88, crc32(sectors(entries_at, kEntrySectors)),
               header.entries_crc, DefectKind::checksum);
        if (!zero(bytes.subspan(kHeaderSize))) {
            defect(DefectKind::reserved_bits, what + ": reserved bytes", place + kHeaderSize, 0, 1);
        }
    }

    // §5.3.3, table 5.6
    void entries(ByteSpan table, const Header& header) {
        const std::uint64_t place = 2 * kDiskSector;
        for (std::uint64_t i = 0; i < kEntries; ++i) {
            const ByteSpan entry = table.subspan(i * kEntrySize, kEntrySize);
            const std::uint64_t at = place + i * kEntrySize;
            if (zero(entry.first(16))) {
                if (!zero(entry)) {
                    defect(DefectKind::stray_bytes, "an unused gpt entry is not empty", at, 0, i + 1);
                }
                continue;
            }
            GptPartition partition;
            partition.number = static_cast<unsigned>(i + 1);
            partition.type = guid_text(entry.first(16));
            partition.id = guid_text(entry.subspan(16, 16));
            partition.first = *le64(entry, 32);
            partition.last = *le64(entry, 40);
            const std::string what = "partition " + std::to_string(partition.number);
            expect(what + ": attributes", at + 48, 0, *le64(entry, 48), DefectKind::unknown);
            for (std::size_t n = 0; n < kNameUnits; ++n) {
                const std::uint16_t unit = *le16(entry, 56 + 2 * n);
                if (unit == 0) {
                    break;
                }
                partition.name += unit >= 0x20 && unit < 0x7F ? static_cast<char>(unit) : '?';
            }
            if (partition.first > partition.last ||
                partition.first < std::max(header.first_usable, 2 + kEntrySectors) ||
                partition.last > std::min(header.last_usable, last_ - kEntrySectors - 1)) {
                defect(DefectKind::out_of_range, what + " reaches out of the disk's part for partitions", at + 32,
                       header.last_usable, partition.last);
                continue;
            }
            for (const GptPartition& before : gpt_.partitions) {
                if (before.first <= partition.last && partition.first <= before.last) {
                    defect(DefectKind::overlap, what + " overlaps partition " + std::to_string(before.number), at + 32,
                           before.last + 1, partition.first);
                }
                if (before.id == partition.id) {
                    defect(DefectKind::duplicate, what + " has the id of partition " + std::to_string(before.number),
                           at + 16, before.number, partition.number);
                }
            }
            gpt_.partitions.push_back(std::move(partition));
        }
    }

    // What lies between the partitions and is nobody's.
    void gaps() {
        std::vector<const GptPartition*> order;
        for (const GptPartition& partition : gpt_.partitions) {
            order.push_back(&partition);
        }
        std::sort(order.begin(), order.end(),
                  [](const GptPartition* a, const GptPartition* b) { return a->first < b->first; });
        std::uint64_t free = 2 + kEntrySectors;
        const auto check = [&](std::uint64_t end) {
            if (free < end && !zero(sectors(free, end - free))) {
                defect(DefectKind::stray_bytes, "sectors between partitions are not zero", free * kDiskSector, 0, 1);
            }
        };
        for (const GptPartition* partition : order) {
            check(partition->first);
            free = std::max(free, partition->last + 1);
        }
        check(last_ - kEntrySectors);
    }

    ByteSpan image_;
    Gpt& gpt_;
    std::uint64_t last_; // sector
};

} // namespace

ByteSpan Gpt::contents(const GptPartition& partition) const {
    return slice(bytes, partition.offset(), partition.size()).value_or(ByteSpan{});
}

bool looks_like_gpt(ByteSpan image) {
    const auto signature = slice(image, kDiskSector, kSignature.size());
    return signature && std::equal(kSignature.begin(), kSignature.end(), signature->begin());
}

config::Outcome<Gpt> decode_gpt(ByteSpan image) {
    config::Outcome<Gpt> outcome;
    if (!looks_like_gpt(image)) {
        outcome.diagnostics.push_back(
            defective("the image is not a disk with a guid partition table: no `EFI PART` at 0x200", ""));
        return outcome;
    }
    const auto header_sector = slice(image, kDiskSector, kDiskSector);
    const std::uint64_t last = header_sector ? *le64(*header_sector, 32) : 0;
    const bool sensible = last >= kLeastSectors - 1 && last < (1ULL << 50);
    const std::uint64_t expected = sensible ? (last + 1) * kDiskSector : kLeastSectors * kDiskSector;
    if (image.size() < expected) {
        outcome.diagnostics.push_back(defective("the disk is cut short: expected " + std::to_string(expected) +
                                                    " bytes, found " + std::to_string(image.size()),
                                                "build the image again, or copy it again"));
        return outcome;
    }
    if (!sensible) {
        outcome.diagnostics.push_back(
            defective("the gpt header has its backup in sector " + std::to_string(last) + ", expected the last one",
                      "build the image again, or copy it again"));
        return outcome;
    }
    if (image.size() > expected) {
        outcome.diagnostics.push_back(defective(
            "there is more behind the disk's backup table: expected " + std::to_string(expected) + " bytes, found " +
                std::to_string(image.size()),
            "of a larger disk take so many bytes only: `head -c " + std::to_string(expected) + " /dev/DISK`"));
        return outcome;
    }
    Gpt gpt;
    gpt.bytes = image;
    gpt.sectors = last + 1;
    const Header primary = Reader::read_header(*header_sector);
    gpt.id = guid_text(primary.id);
    Reader(image, gpt).run(primary);
    outcome.value = std::move(gpt);
    return outcome;
}

} // namespace septum::verifier::decode
