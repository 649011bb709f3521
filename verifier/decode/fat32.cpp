// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/fat32.hpp"

#include <algorithm>
#include <map>

namespace septum::verifier::decode {

namespace {

constexpr std::string_view kId = "image.layout";
constexpr std::uint64_t kSector = 512;
constexpr std::uint32_t kLeastClusters = 65525; // of a FAT32 (p. 14)
constexpr std::uint32_t kMostClusters12 = 4084; // of a FAT12
constexpr std::uint32_t kMostClusters = 0x0FFF'FFF5;
constexpr std::uint32_t kEnd = 0x0FFF'FFF8; // this and all above end a chain (p. 18); a FAT12's 0xFF8 is read as this
constexpr std::uint32_t kEntryMask = 0x0FFF'FFFF;
constexpr std::uint32_t kEnd12 = 0xFF8;
constexpr std::size_t kMaxFiles = 65536;
constexpr std::size_t kMaxPath = 1024;
constexpr std::size_t kDirEntry = 32;

// File attributes (p. 23)
constexpr std::uint8_t kVolumeId = 0x08;
constexpr std::uint8_t kDirectory = 0x10;
constexpr std::uint8_t kLongName = 0x0F;
constexpr std::uint8_t kReservedAttributes = 0xC0;

bool zero(ByteSpan bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The fields of the boot sector (pp. 9 to 13).
struct Volume {
    std::uint64_t reserved = 0;     // sectors
    std::uint64_t fat_sectors = 0;  // of one FAT
    std::uint64_t cluster_size = 0; // bytes
    std::uint64_t data = 0;         // offset of cluster 2, bytes
    std::uint32_t clusters = 0;     // numbered from 2
    std::uint32_t root = 0;         // its first cluster; 0 in a FAT12, where it has a place of its own
    std::uint64_t root_sectors = 0; // of that place, behind the FATs
};

using Extent = std::pair<std::uint64_t, std::uint64_t>; // offset in the volume, size in bytes

struct Directory {
    std::string path; // "" for the root
    std::uint32_t cluster = 0;
    std::uint32_t parent = 0; // 0: the root
};

class Reader {
public:
    Reader(ByteSpan bytes, std::string what, std::uint64_t place, Fat32& fat)
        : bytes_(bytes), what_(std::move(what)), place_(place), fat_(fat) {}

    // What keeps it from being read, or nothing.
    std::string boot_sector() {
        const auto sector = slice(bytes_, 0, kSector);
        if (!sector || *le16(*sector, 510) != 0xAA55) {
            return "no boot sector's signature";
        }
        const ByteSpan b = *sector;
        const std::uint64_t per_cluster = b[13];
        if (*le16(b, 11) != kSector || per_cluster == 0 || (per_cluster & (per_cluster - 1)) != 0) {
            return "sectors of " + std::to_string(*le16(b, 11)) + " bytes, " + std::to_string(per_cluster) +
                   " in a cluster; expected 512 and a power of two";
        }
        twelve_ = *le16(b, 22) != 0; // or a FAT16, as the number of clusters will tell
        if (b[16] != 2 || (!twelve_ && (*le16(b, 40) != 0 || *le16(b, 42) != 0))) {
            return std::to_string(b[16]) + " FATs, flags " + hex(*le16(b, 40)) + ", version " + hex(*le16(b, 42)) +
                   "; expected two that mirror each other, version 0";
        }
        v_.reserved = *le16(b, 14);
        v_.fat_sectors = twelve_ ? *le16(b, 22) : *le32(b, 36);
        v_.cluster_size = per_cluster * kSector;
        v_.root = twelve_ ? 0 : *le32(b, 44);
        v_.root_sectors = (std::uint64_t{*le16(b, 17)} * kDirEntry + kSector - 1) / kSector;
        const std::uint64_t total = twelve_ && *le16(b, 19) != 0 ? *le16(b, 19) : *le32(b, 32);
        const std::uint64_t before = v_.reserved + 2 * v_.fat_sectors + v_.root_sectors;
        if (total * kSector != bytes_.size()) {
            return "it has " + std::to_string(total) +
                   " sectors, expected as many as the partition: " + std::to_string(bytes_.size() / kSector);
        }
        if (v_.reserved < (twelve_ ? 1U : 8U) || before >= total || twelve_ != (v_.root_sectors != 0)) {
            return "its FATs do not fit into it";
        }
        const std::uint64_t clusters = (total - before) / per_cluster;
        if (twelve_ ? clusters > kMostClusters12 : clusters < kLeastClusters || clusters > kMostClusters) {
            return std::to_string(clusters) + " clusters; expected at least " + std::to_string(kLeastClusters) +
                   " in a FAT32, at most " + std::to_string(kMostClusters12) + " in a FAT12";
        }
        v_.clusters = static_cast<std::uint32_t>(clusters);
        v_.data = before * kSector;
        if (table_bytes(clusters + 2) > v_.fat_sectors * kSector) {
            return "its FAT has too few entries for " + std::to_string(clusters) + " clusters";
        }
        if (twelve_) {
            return {};
        }
        expect("the file system's info sector", 48, 1, *le16(b, 48));
        expect("the file system's backup boot sector", 50, 6, *le16(b, 50));
        expect("the boot sector's old size", 19, 0, *le16(b, 19));
        if (!zero(b.subspan(52, 12))) {
            defect(DefectKind::reserved_bits, "reserved bytes of the boot sector", 52, 0, 1);
        }
        return {};
    }

    void tables() {
        if (!twelve_) {
            information();
        }
        const std::uint64_t size = v_.fat_sectors * kSector;
        table_ = bytes_.subspan(v_.reserved * kSector, size);
        const ByteSpan second = bytes_.subspan(v_.reserved * kSector + size, size);
        if (const auto at = std::mismatch(table_.begin(), table_.end(), second.begin()); at.first != table_.end()) {
            const auto offset = static_cast<std::uint64_t>(at.first - table_.begin());
            defect(DefectKind::wrong_value,
                   "the two FATs differ at cluster " + std::to_string(twelve_ ? offset * 2 / 3 : offset / 4),
                   v_.reserved * kSector + size + offset, *at.first, *at.second);
        }
        expect("the FAT's first entry", v_.reserved * kSector, 0x0FFF'FF00U | bytes_[21], next(0));
        // p. 18: its two highest bits say how the file system was left.
        expect("the FAT's second entry", v_.reserved * kSector + 4, 0x03FF'FFFF, next(1) & 0x03FF'FFFF);
        const std::uint64_t entries = std::uint64_t{v_.clusters} + 2;
        if (!zero(table_.subspan(table_bytes(entries)))) {
            defect(DefectKind::stray_bytes, "entries of the FAT for clusters that there are not",
                   v_.reserved * kSector + table_bytes(entries), 0, 1);
        }
        used_.assign(entries, false);
    }

    // What only a FAT32 has.
    void information() {
        // Byte 0x41 tells of a file system that was not unmounted; only the first copy has it.
        const ByteSpan boot = bytes_.first(kSector);
        const ByteSpan backup = bytes_.subspan(6 * kSector, kSector);
        for (std::uint64_t i = 0; i < kSector; ++i) {
            if (i != 0x41 && boot[i] != backup[i]) {
                defect(DefectKind::wrong_value, "the backup boot sector is not the boot sector", 6 * kSector + i,
                       boot[i], backup[i]);
                break;
            }
        }
        const ByteSpan info = bytes_.subspan(kSector, kSector); // p. 21
        expect("the info sector's signature", kSector, 0x4161'5252, *le32(info, 0));
        expect("the info sector's second signature", kSector + 484, 0x6141'7272, *le32(info, 484));
        expect("the info sector's last signature", kSector + 508, 0xAA55'0000, *le32(info, 508));
    }

    void tree() {
        std::vector<Directory> pending{{"", v_.root, 0}};
        while (!pending.empty() && !stopped_) {
            const Directory directory = std::move(pending.back());
            pending.pop_back();
            read(directory, extents_of(directory), pending);
        }
        for (std::uint32_t cluster = 2; !stopped_ && cluster < v_.clusters + 2; ++cluster) {
            const std::uint32_t entry = next(cluster);
            if (entry != 0 && !used_[cluster]) {
                defect(DefectKind::stray_bytes, "cluster " + std::to_string(cluster) + " belongs to no file",
                       entry_place(cluster), 0, entry);
                return;
            }
            // Inside an ISO nothing was ever deleted; a disk keeps what an update replaced.
            const auto stray = twelve_ && !used_[cluster]
                                   ? first_not_zero(bytes_.subspan(offset(cluster), v_.cluster_size))
                                   : std::nullopt;
            if (stray) {
                defect(DefectKind::stray_bytes, "cluster " + std::to_string(cluster) + " is free, yet not zero",
                       offset(cluster) + *stray, 0, bytes_[offset(cluster) + *stray]);
                return;
            }
        }
    }

private:
    void defect(DefectKind kind, const std::string& text, std::uint64_t at, std::uint64_t expected,
                std::uint64_t found) {
        fat_.defects.add(kind, what_ + ": " + text, place_ + at, expected, found);
    }
    void expect(const char* text, std::uint64_t at, std::uint64_t expected, std::uint64_t found) {
        if (expected != found) {
            defect(DefectKind::wrong_value, text, at, expected, found);
        }
    }

    // pp. 15 to 18; in a FAT12 the ends of chains and the first two entries are widened to what they would be here.
    [[nodiscard]] std::uint32_t next(std::uint64_t cluster) const {
        if (!twelve_) {
            return *le32(table_, 4 * cluster) & kEntryMask;
        }
        const std::uint32_t pair = *le16(table_, cluster + cluster / 2);
        const std::uint32_t entry = cluster % 2 == 0 ? pair & 0xFFF : pair >> 4;
        return entry >= kEnd12 || cluster < 2 ? entry | (kEntryMask & ~0xFFFU) : entry;
    }
    [[nodiscard]] std::uint64_t table_bytes(std::uint64_t entries) const {
        return twelve_ ? (3 * entries + 1) / 2 : 4 * entries;
    }
    [[nodiscard]] std::uint64_t entry_place(std::uint64_t cluster) const {
        return v_.reserved * kSector + (twelve_ ? cluster + cluster / 2 : 4 * cluster);
    }
    [[nodiscard]] std::uint64_t offset(std::uint32_t cluster) const {
        return v_.data + std::uint64_t{cluster - 2} * v_.cluster_size;
    }

    // The chain that begins there, as far as it is one. No cluster is in two chains, or twice in one.
    std::vector<std::uint32_t> clusters_of(std::uint32_t first, const std::string& whose) {
        std::vector<std::uint32_t> chain;
        std::uint32_t before = 0;
        for (std::uint32_t cluster = first; cluster < kEnd; before = cluster, cluster = next(cluster)) {
            const std::uint64_t from = before == 0 ? 0 : entry_place(before);
            if (cluster < 2 || cluster >= v_.clusters + 2) {
                defect(DefectKind::out_of_range, whose + " leads to cluster " + std::to_string(cluster), from,
                       v_.clusters + 1, cluster);
                break;
            }
            if (used_[cluster]) {
                const bool loop = std::find(chain.begin(), chain.end(), cluster) != chain.end();
                defect(loop ? DefectKind::table_cycle : DefectKind::table_aliased,
                       whose +
                           (loop ? " has a chain of clusters without an end: it comes back to "
                                 : " shares with another cluster ") +
                           std::to_string(cluster),
                       from, kEnd, cluster);
                break;
            }
            used_[cluster] = true;
            chain.push_back(cluster);
        }
        return chain;
    }

    std::vector<Extent> extents_of(const Directory& directory) {
        if (twelve_ && directory.path.empty()) {
            return {{v_.data - v_.root_sectors * kSector, v_.root_sectors * kSector}};
        }
        std::vector<Extent> out;
        for (const std::uint32_t cluster : clusters_of(directory.cluster, "directory `" + directory.path + "/`")) {
            out.emplace_back(offset(cluster), v_.cluster_size);
        }
        return out;
    }

    void read(const Directory& directory, const std::vector<Extent>& extents, std::vector<Directory>& pending) {
        std::string long_name;
        unsigned long_next = 0; // ordinal of the next part; 0: none is open
        std::uint8_t long_sum = 0;
        bool long_whole = false;
        bool ended = false;
        std::uint64_t index = 0;
        std::map<std::string, std::uint64_t> names; // of this directory, long and short
        for (const auto& [begin, size] : extents) {
            for (std::uint64_t place = begin; place < begin + size; place += kDirEntry, ++index) {
                const ByteSpan entry = bytes_.subspan(place, kDirEntry);
                if (ended || entry[0] == 0) { // p. 24: all that follow are free, too
                    if (!zero(entry)) {
                        defect(DefectKind::stray_bytes, "behind the end of directory `" + directory.path + "/`", place,
                               0, entry[0]);
                        return;
                    }
                    ended = true;
                    continue;
                }
                if (entry[0] == 0xE5) { // deleted
                    if (long_next != 0 || long_whole) {
                        orphan(directory, place);
                        long_next = 0;
                        long_whole = false;
                    }
                    continue;
                }
                if ((entry[11] & 0x3F) == kLongName) { // p. 28
                    long_part(entry, place, long_name, long_next, long_sum, long_whole, directory);
                    continue;
                }
                std::string name = short_name(entry);
                const std::string alias = name;
                if (long_whole && long_sum == checksum(entry)) {
                    name = long_name;
                } else if (long_whole || long_next != 0) {
                    orphan(directory, place);
                }
                long_whole = false;
                long_next = 0;
                record(directory, entry, place, index, name, alias, names, pending);
                if (stopped_) {
                    return;
                }
            }
        }
    }

    void orphan(const Directory& directory, std::uint64_t place) {
        defect(DefectKind::wrong_value, "a long name in `" + directory.path + "/` is nobody's", place, 0, 1);
    }

    // One of the entries before a file's own, the last part first. Only ASCII is known here.
    void long_part(ByteSpan entry, std::uint64_t place, std::string& name, unsigned& following, std::uint8_t& sum,
                   bool& whole, const Directory& directory) {
        constexpr std::array<std::size_t, 13> units = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
        const unsigned ordinal = entry[0] & 0x3F;
        const bool first = (entry[0] & 0x40) != 0;
        if (first ? following != 0 || whole || ordinal == 0 : following != ordinal || sum != entry[13]) {
            orphan(directory, place);
            following = 0;
            whole = false;
            return;
        }
        if ((entry[0] & 0x80) != 0 || entry[12] != 0 || *le16(entry, 26) != 0) {
            defect(DefectKind::unknown, "a long name's entry in `" + directory.path + "/` of another kind", place, 0,
                   entry[12]);
        }
        std::string part;
        bool ended = false;
        for (const std::size_t at : units) {
            const std::uint16_t unit = *le16(entry, at);
            if (ended ? unit != 0xFFFF : unit != 0 && (unit < 0x20 || unit >= 0x7F)) {
                defect(DefectKind::unknown, "a long name in `" + directory.path + "/` is not plain ASCII", place + at,
                       0, unit);
                ended = true;
            } else if (!ended && unit == 0) {
                ended = true;
            }
            if (!ended) {
                part += lower(static_cast<char>(unit));
            }
        }
        if (first) {
            name.clear();
            sum = entry[13];
        } else if (ended) {
            defect(DefectKind::unknown, "a long name in `" + directory.path + "/` ends in its middle", place, 0, 1);
        }
        name.insert(0, part);
        following = ordinal - 1;
        whole = following == 0;
    }

    static std::uint8_t checksum(ByteSpan entry) { // p. 28, ChkSum()
        std::uint8_t sum = 0;
        for (std::size_t i = 0; i < 11; ++i) {
            sum = static_cast<std::uint8_t>(((sum & 1) << 7) + (sum >> 1) + entry[i]);
        }
        return sum;
    }

    static std::string short_name(ByteSpan entry) {
        const auto part = [&](std::size_t at, std::size_t size) {
            std::string text;
            for (std::size_t i = at; i < at + size; ++i) {
                text += lower(static_cast<char>(entry[i]));
            }
            return text.substr(0, text.find_last_not_of(' ') + 1);
        };
        const std::string extension = part(8, 3);
        return part(0, 8) + (extension.empty() ? "" : "." + extension);
    }

    static bool is_name(const std::string& name) {
        return !name.empty() && name != "." && name != ".." && std::all_of(name.begin(), name.end(), [](char c) {
            return c >= 0x20 && c < 0x7F && c != '/' && c != '\\';
        });
    }

    void record(const Directory& directory, ByteSpan entry, std::uint64_t place, std::uint64_t index,
                const std::string& name, const std::string& alias, std::map<std::string, std::uint64_t>& names,
                std::vector<Directory>& pending) {
        const std::uint8_t attributes = entry[11];
        const std::uint32_t first = std::uint32_t{*le16(entry, 20)} << 16 | *le16(entry, 26);
        const std::uint32_t size = *le32(entry, 28);
        if ((attributes & kReservedAttributes) != 0) {
            defect(DefectKind::reserved_bits, "attributes in `" + directory.path + "/`", place + 11, 0, attributes);
        }
        if (!directory.path.empty() && index < 2) { // "." and ".." (p. 25)
            const std::uint32_t expected = index == 0 ? directory.cluster : directory.parent;
            if (alias != (index == 0 ? "." : "..") || (attributes & kDirectory) == 0 || first != expected) {
                defect(DefectKind::wrong_value, "directory `" + directory.path + "/` does not begin as one", place,
                       expected, first);
            }
            return;
        }
        if ((attributes & kVolumeId) != 0) {
            if (!directory.path.empty() || (attributes & kDirectory) != 0 || first != 0 || size != 0 ||
                !fat_.label.empty()) {
                defect(DefectKind::unknown, "a volume label in `" + directory.path + "/`", place, 0, attributes);
            }
            fat_.label = label(entry);
            return;
        }
        const std::string path = directory.path + "/" + name;
        if (!is_name(name) || !is_name(alias) || path.size() > kMaxPath) {
            defect(DefectKind::wrong_value, "a name in `" + directory.path + "/` is none", place, 0, entry[0]);
            return;
        }
        for (const std::string& each : {name, alias}) {
            if (!names.emplace(each, index).second && names[each] != index) {
                defect(DefectKind::duplicate, "`" + directory.path + "/" + each + "` is there twice", place, 1, 2);
            }
        }
        if (fat_.files.size() + pending.size() >= kMaxFiles) {
            defect(DefectKind::too_much, "more files than can be read", place, kMaxFiles, kMaxFiles + 1);
            stopped_ = true;
            return;
        }
        if ((attributes & kDirectory) != 0) {
            if (size != 0) {
                defect(DefectKind::wrong_value, "directory `" + path + "/` has a size", place + 28, 0, size);
            }
            pending.push_back({path, first, directory.path.empty() ? 0 : directory.cluster});
            return;
        }
        file(path, first, size, place);
    }

    static std::string label(ByteSpan entry) {
        std::string text(entry.begin(), entry.begin() + 11);
        return text.substr(0, text.find_last_not_of(' ') + 1);
    }

    void file(const std::string& path, std::uint32_t first, std::uint32_t size, std::uint64_t place) {
        FatFile file{path, 0, {}};
        const std::uint64_t wanted = (std::uint64_t{size} + v_.cluster_size - 1) / v_.cluster_size;
        if (first != 0 || size != 0) {
            const auto chain = clusters_of(first, "`" + path + "`");
            if (chain.size() != wanted) {
                defect(DefectKind::cut_short, "`" + path + "` has another number of clusters than its size needs",
                       place + 28, wanted, chain.size());
                return; // no contents: whoever looks for it finds none
            }
            if (!chain.empty()) {
                file.offset = place_ + offset(chain.front());
                file.contents = contents(chain, size);
            }
        }
        fat_.files.push_back(std::move(file));
    }

    ByteSpan contents(const std::vector<std::uint32_t>& chain, std::uint64_t size) {
        bool in_order = true;
        for (std::size_t i = 1; i < chain.size(); ++i) {
            in_order = in_order && chain[i] == chain[i - 1] + 1;
        }
        if (in_order) {
            return bytes_.subspan(offset(chain.front()), size);
        }
        auto copy = std::make_unique<std::vector<std::uint8_t>>();
        copy->reserve(chain.size() * v_.cluster_size);
        for (const std::uint32_t cluster : chain) {
            const ByteSpan part = bytes_.subspan(offset(cluster), v_.cluster_size);
            copy->insert(copy->end(), part.begin(), part.end());
        }
        copy->resize(size);
        fat_.copies.push_back(std::move(copy));
        return *fat_.copies.back();
    }

    ByteSpan bytes_;
    std::string what_;
    std::uint64_t place_;
    Fat32& fat_;
    Volume v_;
    ByteSpan table_;
    std::vector<bool> used_;
    bool twelve_ = false;
    bool stopped_ = false;
};

} // namespace

const FatFile* Fat32::find(std::string_view path) const {
    const auto range = std::equal_range(files.begin(), files.end(), path, [](const auto& a, const auto& b) {
        if constexpr (std::is_same_v<std::decay_t<decltype(a)>, FatFile>) {
            return a.path < b;
        } else {
            return a < b.path;
        }
    });
    return range.second - range.first == 1 ? &*range.first : nullptr;
}

config::Outcome<Fat32> decode_fat32(ByteSpan volume, const std::string& what, std::uint64_t place) {
    config::Outcome<Fat32> outcome;
    Fat32 fat;
    Reader reader(volume, what, place, fat);
    if (const std::string reason = reader.boot_sector(); !reason.empty()) {
        outcome.diagnostics.push_back(error(kId, what + " is not a file system that can be judged: " + reason,
                                            "build the image again, or copy it again"));
        return outcome;
    }
    reader.tables();
    reader.tree();
    std::sort(fat.files.begin(), fat.files.end(), [](const FatFile& a, const FatFile& b) {
        return a.path != b.path ? a.path < b.path : a.offset < b.offset;
    });
    outcome.value = std::move(fat);
    return outcome;
}

} // namespace septum::verifier::decode
