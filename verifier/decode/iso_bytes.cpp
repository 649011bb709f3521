// SPDX-License-Identifier: Apache-2.0
// The parts of an ISO outside its tree of files: what firmware reads when it is a USB stick, and what nobody reads.
#include "verifier/decode/iso.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace septum::verifier::decode {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::string_view kSignature = "EFI PART";
constexpr std::uint64_t kHeaderSize = 92;
constexpr std::uint64_t kEntrySize = 128;
constexpr std::uint64_t kMostEntries = 248; // as many as fit before the first descriptor
constexpr std::uint8_t kProtective = 0xEE;  // UEFI 2.10 §5.2.3
constexpr std::uint8_t kWhole = 0xCD;       // xorriso's entry over the whole image, where there is no GPT
// Types by UEFI 2.10 §5.3.3 and Microsoft: the EFI system partition, and data (the gaps around it).
constexpr std::array<std::uint8_t, 16> kEfiSystem = {0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11,
                                                     0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B};
constexpr std::array<std::uint8_t, 16> kData = {0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44,
                                                0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7};

class Stick {
public:
    Stick(ByteSpan image, Iso& iso) : image_(image), iso_(iso), last_(image.size() / kSector - 1) {}

    void run() {
        const ByteSpan first = image_.first(kSector);
        if (!first_not_zero(first)) { // no stick; a table behind it would be found by check_iso_bytes()
            return;
        }
        iso_.described.push_back({0, kSector, "the boot sector"});
        expect("the boot sector's signature", 510, 0xAA55, *le16(first, 510));
        // A file system that begins in the boot sector (fatgen103 p. 9: bytes per sector).
        if (const std::uint16_t size = *le16(first, 11); size >= 128 && size <= 4096 && (size & (size - 1)) == 0) {
            defect(DefectKind::unknown, "the boot sector is a fat file system's as well", 11, 0, size);
        }
        const std::uint8_t type = partitions(first);
        if (type == kProtective) {
            const auto one = table("the primary gpt header", 1, last_, 2);
            const auto other = table("the backup gpt header", last_, 1, std::nullopt);
            if (one && other && !std::equal(one->begin(), one->end(), other->begin(), other->end())) {
                defect(DefectKind::wrong_value, "the backup gpt entries are not the primary ones", last_ * kSector,
                       one->size(), other->size());
            }
        }
    }

private:
    void defect(DefectKind kind, std::string text, std::uint64_t at, std::uint64_t expected, std::uint64_t found) {
        iso_.defects.add(kind, std::move(text), at, expected, found);
    }
    void expect(const std::string& what, std::uint64_t at, std::uint64_t expected, std::uint64_t found,
                DefectKind kind = DefectKind::wrong_value) {
        if (expected != found) {
            defect(kind, what, at, expected, found);
        }
    }

    // The type of the one partition, which covers all; firmware would start an EFI system partition (EFh) of the MBR,
    // too.
    std::uint8_t partitions(ByteSpan mbr) {
        constexpr std::size_t kTable = 446;
        constexpr std::size_t kEntry = 16;
        std::uint8_t type = 0;
        unsigned used = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t at = kTable + i * kEntry;
            const ByteSpan entry = mbr.subspan(at, kEntry);
            if (!first_not_zero(entry.subspan(1))) { // a boot flag alone makes no partition
                continue;
            }
            ++used;
            type = entry[4];
            if (type != kProtective && type != kWhole) {
                defect(DefectKind::unknown, "the boot sector has a partition of a kind that an appliance has not", at,
                       kProtective, type);
            }
            const std::uint64_t begin = *le32(entry, 8);
            const std::uint64_t size = *le32(entry, 12);
            if (begin > 1 || !fits(begin, size, last_ + 1)) {
                defect(DefectKind::out_of_range, "the boot sector's partition is not the whole image", at + 8, 1,
                       begin);
            }
        }
        if (used != 1) {
            defect(DefectKind::unknown, "the boot sector's partitions are not one", kTable, 1, used);
        }
        return type;
    }

    // UEFI 2.10 §5.3.2, §5.3.3. The entries, when they can be read.
    std::optional<ByteSpan> table(const std::string& what, std::uint64_t own, std::uint64_t other,
                                  std::optional<std::uint64_t> entries_at) {
        const std::uint64_t place = own * kSector;
        const ByteSpan header = image_.subspan(place, kSector);
        if (!std::equal(kSignature.begin(), kSignature.end(), header.begin())) {
            defect(DefectKind::wrong_value, what + " is not there", place, kSignature[0], header[0]);
            return std::nullopt;
        }
        iso_.described.push_back({place, kHeaderSize, what});
        expect(what + ": revision", place + 8, 0x10000, *le32(header, 8), DefectKind::unknown);
        expect(what + ": size", place + 12, kHeaderSize, *le32(header, 12), DefectKind::unknown);
        expect(what + ": checksum", place + 16, crc32(header.first(kHeaderSize), 16), *le32(header, 16),
               DefectKind::checksum);
        expect(what + ": reserved bits", place + 20, 0, *le32(header, 20), DefectKind::reserved_bits);
        expect(what + ": its own sector", place + 24, own, *le64(header, 24));
        expect(what + ": the other header's sector", place + 32, other, *le64(header, 32));
        const std::uint64_t count = *le32(header, 80);
        expect(what + ": size of an entry", place + 84, kEntrySize, *le32(header, 84), DefectKind::unknown);
        const std::uint64_t sectors = (std::min(count, kMostEntries) * kEntrySize + kSector - 1) / kSector;
        const std::uint64_t at = *le64(header, 72);
        expect(what + ": first sector of its entries", place + 72, entries_at.value_or(own - sectors), at);
        const auto entries = at <= last_ ? slice(image_, at * kSector, count * kEntrySize) : std::nullopt;
        if (count == 0 || count > kMostEntries || !entries) {
            defect(DefectKind::too_much, what + ": number of entries", place + 80, kMostEntries, count);
            return std::nullopt;
        }
        iso_.described.push_back({at * kSector, count * kEntrySize, what + "'s entries"});
        expect(what + ": checksum of its entries", place + 88, crc32(*entries), *le32(header, 88),
               DefectKind::checksum);
        for (std::uint64_t i = 0; i < count; ++i) {
            const ByteSpan type = entries->subspan(i * kEntrySize, 16);
            const bool known = !first_not_zero(entries->subspan(i * kEntrySize, kEntrySize)) ||
                               std::equal(kEfiSystem.begin(), kEfiSystem.end(), type.begin()) ||
                               std::equal(kData.begin(), kData.end(), type.begin());
            if (!known) {
                defect(DefectKind::unknown, what + ": a partition of a kind that an appliance has not",
                       at * kSector + i * kEntrySize, 0, i + 1);
            }
        }
        return entries;
    }

    ByteSpan image_;
    Iso& iso_;
    std::uint64_t last_; // sector
};

} // namespace

void decode_iso_stick(ByteSpan image, Iso& iso) {
    if (image.size() % kSector != 0 || image.size() < 2 * kSector) {
        iso.defects.add(DefectKind::cut_short, "the image is not whole sectors", 0, kSector, image.size() % kSector);
        return;
    }
    Stick(image, iso).run();
}

void check_iso_bytes(ByteSpan image, Iso& iso) {
    std::vector<IsoRange>& all = iso.described;
    std::sort(all.begin(), all.end(), [](const IsoRange& a, const IsoRange& b) {
        return std::tie(a.offset, a.size, a.what) < std::tie(b.offset, b.size, b.what);
    });
    // A continuation is read once more with the root's first record.
    all.erase(std::unique(all.begin(), all.end(),
                          [](const IsoRange& a, const IsoRange& b) {
                              return a.offset == b.offset && a.size == b.size && a.what == b.what;
                          }),
              all.end());
    std::uint64_t end = 0;
    const IsoRange* last = nullptr; // the one that reaches to `end`
    const auto gap = [&](std::uint64_t to) {
        const auto stray = end < to ? first_not_zero(image.subspan(end, to - end)) : std::nullopt;
        if (stray) {
            iso.apart = false;
            iso.defects.add(DefectKind::stray_bytes, "bytes of the image that no structure describes", end + *stray, 0,
                            image[end + *stray]);
        }
    };
    for (const IsoRange& range : all) {
        if (range.size == 0 || !fits(range.offset, range.size, image.size())) {
            continue; // a defect already
        }
        gap(range.offset);
        if (last != nullptr && range.offset < end) {
            iso.apart = false;
            iso.defects.add(DefectKind::overlap, range.what + " lies over " + last->what, range.offset, end,
                            range.offset);
        }
        if (range.offset + range.size > end) {
            end = range.offset + range.size;
            last = &range;
        }
    }
    gap(image.size());
}

} // namespace septum::verifier::decode
