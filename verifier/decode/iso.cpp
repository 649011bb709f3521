// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/iso.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

namespace septum::verifier::decode {

namespace {

constexpr std::string_view kId = "image.layout";
constexpr std::uint64_t kSector = 2048;
constexpr std::uint64_t kFirstDescriptor = 16; // ECMA-119 §6.2.1: the system area takes sectors 0..15
constexpr unsigned kMaxDescriptors = 64;
constexpr std::size_t kMaxFiles = 65536;
constexpr std::size_t kMaxDirectories = 8192;
constexpr std::size_t kMaxPath = 1024;
constexpr std::uint64_t kMaxDirectoryBytes = 64 * kMiB; // over all directories
constexpr unsigned kMaxContinuations = 8;               // SUSP CE entries per record

std::string_view as_text(ByteSpan bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string trimmed(ByteSpan bytes) {
    std::string text(as_text(bytes));
    text.erase(text.find_last_not_of(std::string_view(" \0", 2)) + 1);
    return text;
}

config::Diagnostic defective(std::string message) {
    return error(kId, std::move(message), "build the image again, or copy it again: it may have been cut short");
}

std::uint32_t big32(ByteSpan bytes, std::uint64_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           bytes[at + 3];
}

// What the system-use entries of one directory record say (SUSP §5, RRIP §4).
struct SystemUse {
    std::string name;
    bool has_name = false;
    bool symlink = false;
    bool relocated = false; // CL, RE: deep directories moved elsewhere
    bool sp = false;        // begins with SP
    bool er = false;
    std::uint8_t skip = 0;
    std::optional<std::uint32_t> mode; // PX: file type and rights (POSIX 5.6.1)
};

struct Directory {
    std::string path;         // "" for the root
    std::uint64_t extent = 0; // logical block
    std::uint64_t size = 0;   // bytes
};

class Reader {
public:
    Reader(ByteSpan image, Iso& iso) : image_(image), iso_(iso) {}

    void tree(const Directory& root) {
        find_rock_ridge(root);
        std::vector<Directory> pending{root};
        std::set<std::uint64_t> seen{root.extent};
        while (!pending.empty()) {
            const Directory directory = std::move(pending.back());
            pending.pop_back();
            std::vector<Directory> children;
            read(directory, children);
            for (Directory& child : children) {
                if (!seen.insert(child.extent).second) {
                    defect(DefectKind::table_cycle, "directory `" + child.path + "` is entered twice",
                           child.extent * kSector, 0, child.extent);
                } else if (seen.size() > kMaxDirectories) {
                    too_much(child.extent * kSector, kMaxDirectories);
                    return;
                } else {
                    pending.push_back(std::move(child));
                }
            }
            if (stopped_) {
                return;
            }
        }
        // Loaders take the first of a name, be it a file or a directory.
        for (const IsoFile& each : iso_.files) {
            paths_.emplace_back(each.path, each.offset);
        }
        std::sort(paths_.begin(), paths_.end());
        for (std::size_t i = 1; i < paths_.size(); ++i) {
            if (paths_[i].first == paths_[i - 1].first) {
                defect(DefectKind::duplicate, "`" + paths_[i].first + "` is there twice", paths_[i].second, 1, 2);
            }
        }
    }

private:
    // The SP entry that the root's first record begins with says that system-use entries are there, and how many bytes
    // to skip; an ER entry that they are Rock Ridge's. GRUB goes by plain names when one of the two is lacking.
    void find_rock_ridge(const Directory& root) {
        const auto bytes = slice(image_, root.extent * kSector, std::min(root.size, kSector));
        if (!bytes || bytes->size() < 34 || (*bytes)[0] < 34 || (*bytes)[0] > bytes->size()) {
            return;
        }
        const ByteSpan record = bytes->first((*bytes)[0]);
        const SystemUse use = system_use(record.subspan(34), root.extent * kSector);
        iso_.rock_ridge = use.sp && use.er;
        if (use.sp != use.er || use.skip != 0) {
            defect(DefectKind::unknown, "system-use entries of another kind than rock ridge", root.extent * kSector, 0,
                   use.skip);
        }
    }

    void read(const Directory& directory, std::vector<Directory>& children) {
        const auto bytes = slice(image_, directory.extent * kSector, directory.size);
        if (!bytes) {
            defect(DefectKind::cut_short, "directory `" + directory.path + "/` reaches beyond the image",
                   directory.extent * kSector, image_.size(), directory.extent * kSector + directory.size);
            return;
        }
        iso_.described.push_back({directory.extent * kSector, directory.size, "directory `" + directory.path + "/`"});
        directory_bytes_ += directory.size;
        if (directory_bytes_ > kMaxDirectoryBytes) {
            too_much(directory.extent * kSector, kMaxDirectoryBytes);
            return;
        }
        open_extent_ = false;
        std::uint64_t index = 0;
        for (std::uint64_t at = 0; at < bytes->size() && !stopped_;) {
            const std::uint64_t length = (*bytes)[at];
            if (length == 0) { // records do not cross sectors (§6.8.1.1)
                const std::uint64_t next = std::min((at / kSector + 1) * kSector, bytes->size());
                if (const auto stray = first_not_zero(bytes->subspan(at, next - at))) {
                    defect(DefectKind::stray_bytes, "behind the records of directory `" + directory.path + "/`",
                           directory.extent * kSector + at + *stray, 0, (*bytes)[at + *stray]);
                }
                at = next;
                continue;
            }
            const std::uint64_t place = directory.extent * kSector + at;
            if (length < 34 || !fits(at, length, bytes->size()) || at / kSector != (at + length - 1) / kSector) {
                defect(DefectKind::cut_short, "a directory record in `" + directory.path + "/` has a wrong length",
                       place, 34, length);
                return;
            }
            record(bytes->subspan(at, length), place, index, directory, children);
            at += length;
            ++index;
        }
    }

    void record(ByteSpan bytes, std::uint64_t place, std::uint64_t index, const Directory& directory,
                std::vector<Directory>& children) {
        const std::uint64_t name_length = bytes[32];
        const auto identifier = slice(bytes, 33, name_length);
        if (name_length == 0 || !identifier) {
            defect(DefectKind::cut_short, "a directory record in `" + directory.path + "/` has no name", place, 1,
                   name_length);
            return;
        }
        const std::uint64_t use_at = 33 + name_length + (name_length % 2 == 0 ? 1 : 0);
        SystemUse use;
        if (iso_.rock_ridge && use_at < bytes.size()) {
            use = system_use(bytes.subspan(use_at), place);
        }
        const std::uint8_t flags = bytes[25];            // §9.1.6
        if (name_length == 1 && (*identifier)[0] <= 1) { // itself, its parent; by another name GRUB would find it
            if (index != (*identifier)[0] || use.has_name || use.symlink || use.relocated || flags != 2 ||
                bytes[1] != 0) {
                defect(DefectKind::unknown, "a record of `" + directory.path + "/` for itself or its parent is none",
                       place, (*identifier)[0], index);
            }
            return;
        }
        const std::string name = use.has_name ? use.name : plain_name(*identifier);
        const std::string path = directory.path + "/" + name;
        if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
            name.find('\0') != std::string::npos || path.size() > kMaxPath) {
            defect(DefectKind::wrong_value, "a name in `" + directory.path + "/` is none", place, 0, name.size());
            return;
        }
        const std::uint32_t extent = *le32(bytes, 2);
        const std::uint32_t size = *le32(bytes, 10);
        if (big32(bytes, 6) != extent || big32(bytes, 14) != size) {
            defect(DefectKind::wrong_value, "`" + path + "` has two places or sizes", place, extent, big32(bytes, 6));
        }
        if (bytes[1] != 0 || bytes[26] != 0 || bytes[27] != 0 || use.relocated) {
            defect(DefectKind::unknown, "`" + path + "` has extended attributes, is interleaved or relocated", place, 0,
                   bytes[1]);
            return;
        }
        // GRUB goes by Rock Ridge's type where there is one, and by the flags only where no other of them is set.
        const bool is_directory = (flags & 2) != 0;
        const std::uint32_t type = use.symlink ? 0xA000 : is_directory ? 0x4000 : 0x8000;
        if ((flags & (is_directory ? 0xFD : 0x7D)) != 0 || (is_directory && use.symlink) ||
            (use.mode.value_or(type) & 0xF000) != type) {
            defect(DefectKind::unknown, "`" + path + "` is of two kinds, or of one that is not known", place, type,
                   use.mode.value_or(type));
        }
        if (is_directory) {
            paths_.emplace_back(path, std::uint64_t{extent} * kSector);
            children.push_back({path, extent, size});
            return;
        }
        file(path, std::uint64_t{extent} * kSector, size, use.symlink, (flags & 0x80) != 0, place);
    }

    // A file larger than 4 GiB has several records, all but the last with the multi-extent flag.
    void file(const std::string& path, std::uint64_t offset, std::uint64_t size, bool symlink, bool more,
              std::uint64_t place) {
        if (!slice(image_, offset, size)) {
            defect(DefectKind::cut_short, "`" + path + "` reaches beyond the image", place, image_.size(),
                   offset + size);
            open_extent_ = false;
            return;
        }
        iso_.described.push_back({offset, size, "file `" + path + "`"});
        const bool continued = open_extent_ && !iso_.files.empty() && iso_.files.back().path == path;
        open_extent_ = more;
        if (continued) {
            IsoFile& whole = iso_.files.back();
            if (whole.offset + whole.size != offset) {
                defect(DefectKind::unknown, "`" + path + "` is not contiguous", place, whole.offset + whole.size,
                       offset);
            } else {
                whole.size += size;
            }
            return;
        }
        if (iso_.files.size() >= kMaxFiles) {
            too_much(place, kMaxFiles);
            return;
        }
        iso_.files.push_back({path, offset, size, symlink});
    }

    SystemUse system_use(ByteSpan area, std::uint64_t place) {
        SystemUse use;
        bool name_ended = false;
        for (unsigned continuations = 0;;) {
            std::optional<ByteSpan> next;
            std::uint64_t at = 0;
            while (fits(at, 4, area.size())) {
                const std::uint64_t length = area[at + 2];
                if (length < 4 || !fits(at, length, area.size())) {
                    break; // padding
                }
                const ByteSpan entry = area.subspan(at, length);
                const std::string_view signature = as_text(entry.first(2));
                const bool first = at == 0 && continuations == 0;
                at += length;
                if (signature == "ST") {
                    at = area.size();
                } else if (signature == "SP" && first && length >= 7 && entry[4] == 0xBE && entry[5] == 0xEF) {
                    use.sp = true;
                    use.skip = entry[6];
                } else if (signature == "CE" && length >= 28) {
                    const std::uint64_t from = std::uint64_t{*le32(entry, 4)} * kSector + *le32(entry, 12);
                    next = slice(image_, from, *le32(entry, 20));
                    if (next && next->size() <= kSector) {
                        iso_.described.push_back({from, next->size(), "a continuation of system-use entries"});
                    } else {
                        defect(DefectKind::out_of_range, "a system-use continuation leads nowhere", place, kSector,
                               *le32(entry, 20));
                        next = std::nullopt;
                    }
                } else if (signature == "NM" && length >= 5) {
                    if (!name_ended && use.name.size() < kMaxPath) {
                        use.has_name = true;
                        use.name += as_text(entry.subspan(5));
                        name_ended = (entry[4] & 1) == 0;
                        if ((entry[4] & ~1U) != 0) { // "." or ".." whatever the name says
                            defect(DefectKind::unknown, "a rock ridge name of a kind that is not known", place, 0,
                                   entry[4]);
                        }
                    } else {
                        defect(DefectKind::duplicate, "a record has two rock ridge names", place, 1, 2);
                    }
                } else if (signature == "PX" && length >= 12) {
                    if (use.mode && *use.mode != *le32(entry, 4)) {
                        defect(DefectKind::duplicate, "a record has two types", place, *use.mode, *le32(entry, 4));
                    }
                    use.mode = le32(entry, 4);
                } else if (signature == "ER") {
                    use.er = true;
                } else if (signature == "SL") {
                    use.symlink = true;
                } else if (signature == "CL" || signature == "RE") {
                    use.relocated = true;
                }
            }
            if (const auto stray = first_not_zero(area.subspan(at))) { // other readers may find entries here
                defect(DefectKind::stray_bytes, "behind the system-use entries of a record", place, 0,
                       area[at + *stray]);
            }
            if (!next) {
                return use;
            }
            if (++continuations > kMaxContinuations) {
                defect(DefectKind::too_much, "system-use continuations without end", place, kMaxContinuations,
                       continuations);
                return use;
            }
            area = *next;
        }
    }

    // Without Rock Ridge a loader shows `NAME.EXT;1` in lower case without the version.
    static std::string plain_name(ByteSpan identifier) {
        std::string text(as_text(identifier));
        text = text.substr(0, text.find(';'));
        if (!text.empty() && text.back() == '.') {
            text.pop_back();
        }
        std::transform(text.begin(), text.end(), text.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return text;
    }

    void defect(DefectKind kind, std::string text, std::uint64_t at, std::uint64_t expected, std::uint64_t found) {
        iso_.defects.add(kind, std::move(text), at, expected, found);
    }

    void too_much(std::uint64_t at, std::uint64_t bound) {
        defect(DefectKind::too_much, "the image has more files than can be read", at, bound, bound + 1);
        stopped_ = true;
    }

    ByteSpan image_;
    Iso& iso_;
    std::vector<std::pair<std::string, std::uint64_t>>
        paths_; // of directories, at last of files too, with their places
    std::uint64_t directory_bytes_ = 0;
    bool open_extent_ = false;
    bool stopped_ = false;
};

// El Torito 1.0 §2: validation entry, default entry, then sections.
void boot_catalogue(ByteSpan image, std::uint64_t at, Iso& iso) {
    constexpr unsigned kMost = 64;
    const auto bytes = slice(image, at, kSector);
    if (!bytes || (*bytes)[0] != 1 || (*bytes)[30] != 0x55 || (*bytes)[31] != 0xAA) {
        iso.defects.add(DefectKind::wrong_value, "the boot catalogue has no validation entry", at, 1,
                        bytes ? (*bytes)[0] : 0U);
        return;
    }
    std::uint8_t platform = (*bytes)[1];
    unsigned in_section = 1; // the default entry
    for (unsigned i = 1; i < kMost; ++i) {
        const ByteSpan entry = bytes->subspan(std::size_t{i} * 32, 32);
        if (in_section == 0) {
            if (entry[0] != 0x90 && entry[0] != 0x91) {
                // Some firmware takes every entry of the sector that looks like one, wherever it stands.
                if (const auto stray = first_not_zero(bytes->subspan(std::size_t{i} * 32))) {
                    iso.defects.add(DefectKind::stray_bytes, "behind the entries of the boot catalogue",
                                    at + i * 32ULL + *stray, 0, (*bytes)[i * 32ULL + *stray]);
                }
                return;
            }
            platform = entry[1];
            in_section = *le16(entry, 2);
            continue;
        }
        --in_section;
        if (entry[0] == 0x44) { // extension of the entry before
            continue;
        }
        if ((entry[0] != 0x88 && entry[0] != 0) || (entry[1] & 0xF) != 0 ||
            (*le16(entry, 2) != 0 && *le16(entry, 2) != 0x7C0)) {
            iso.defects.add(DefectKind::unknown, "a boot entry emulates a disk, or is loaded where none is expected",
                            at + i * 32ULL, 0, entry[1]);
        }
        iso.boot.push_back({platform, entry[0] == 0x88, static_cast<std::uint8_t>(entry[1] & 0xF),
                            std::uint64_t{*le32(entry, 8)} * kSector, std::uint64_t{*le16(entry, 6)} * 512});
    }
}

} // namespace

const IsoFile* Iso::find(std::string_view path) const {
    const IsoFile* found = nullptr;
    for (const IsoFile& file : files) {
        if (file.path == path) {
            if (found != nullptr) {
                return nullptr;
            }
            found = &file;
        }
    }
    return found;
}

ByteSpan Iso::contents(const IsoFile& file) const {
    return slice(bytes, file.offset, file.size).value_or(ByteSpan{});
}

config::Outcome<Iso> decode_iso(ByteSpan image) {
    config::Outcome<Iso> outcome;
    Iso iso;
    iso.bytes = image;
    std::optional<Directory> root;
    std::optional<std::uint64_t> catalogue;
    bool ended = false;
    const auto odd = [&](DefectKind kind, const char* what, std::uint64_t at, std::uint8_t type) {
        iso.defects.add(kind, what, at, 0, type);
    };
    for (unsigned i = 0; i < kMaxDescriptors && !ended; ++i) {
        const std::uint64_t at = (kFirstDescriptor + i) * kSector;
        const auto sector = slice(image, at, kSector);
        if (!sector || as_text(sector->subspan(1, 5)) != "CD001") {
            break;
        }
        iso.described.push_back({at, kSector, "volume descriptor " + std::to_string(i)});
        const std::uint8_t type = (*sector)[0]; // §8.1.1
        if (type == 0 && as_text(sector->subspan(7, 23)) == "EL TORITO SPECIFICATION") {
            if (i != 1 || catalogue) { // El Torito §2: in sector 17; others take the first or the last
                odd(DefectKind::duplicate, "a boot record where none is expected", at, type);
            }
            catalogue = std::uint64_t{*le32(*sector, 0x47)} * kSector;
        } else if (type == 1) {
            if (root || i != 0) { // GRUB takes the last one
                odd(DefectKind::duplicate, "a second primary volume descriptor", at, type);
                continue;
            }
            iso.volume = trimmed(sector->subspan(40, 32));
            iso.size = std::uint64_t{*le32(*sector, 80)} * kSector;
            if (le16(*sector, 128) != kSector) {
                outcome.diagnostics.push_back(defective("the image has a block size that no loader reads: expected " +
                                                        std::to_string(kSector) + ", found " +
                                                        std::to_string(*le16(*sector, 128))));
                return outcome;
            }
            root = Directory{"", *le32(*sector, 156 + 2), *le32(*sector, 156 + 10)};
            // Path tables, with their optional copies (§8.4.14 to §8.4.18); nobody here goes by them.
            const std::uint64_t size = *le32(*sector, 132);
            const std::array<std::uint64_t, 4> tables = {*le32(*sector, 140), *le32(*sector, 144), big32(*sector, 148),
                                                         big32(*sector, 152)};
            for (const std::uint64_t table : tables) {
                if (table != 0 && slice(image, table * kSector, size)) {
                    iso.described.push_back({table * kSector, size, "a path table"});
                }
            }
        } else if (type == 2) {
            const std::string_view escape = as_text(sector->subspan(88, 3));
            iso.joliet = iso.joliet || escape == "%/@" || escape == "%/C" || escape == "%/E";
            odd(DefectKind::unknown, "a supplementary volume descriptor", at, type);
        } else if (type == 255) {
            ended = true;
        } else {
            odd(DefectKind::unknown, "a volume descriptor of a kind that an appliance has not", at, type);
        }
    }
    if (!root) {
        outcome.diagnostics.push_back(defective(
            "the image is not an ISO 9660 file system: expected a primary volume descriptor at 0x8000, found " +
            (image.size() < 0x8800 ? "only " + std::to_string(image.size()) + " bytes" : "none")));
        return outcome;
    }
    if (iso.size > image.size()) {
        outcome.diagnostics.push_back(defective("the image is cut short: expected " + std::to_string(iso.size) +
                                                " bytes, found " + std::to_string(image.size())));
        return outcome;
    }
    if (!ended) {
        iso.defects.add(DefectKind::wrong_value, "the volume descriptors have no end", kFirstDescriptor * kSector, 255,
                        0);
    }
    if (!slice(image, root->extent * kSector, root->size) || root->size == 0) {
        outcome.diagnostics.push_back(
            defective("the image's root directory does not lie in it: " + std::to_string(root->size) + " bytes at " +
                      hex(root->extent * kSector)));
        return outcome;
    }
    Reader reader(image, iso);
    reader.tree(*root);
    std::sort(iso.files.begin(), iso.files.end(), [](const IsoFile& a, const IsoFile& b) {
        return a.path != b.path ? a.path < b.path : a.offset < b.offset;
    });
    if (catalogue) {
        boot_catalogue(image, *catalogue, iso);
        const auto listed = [&](const IsoFile& file) { return file.offset == *catalogue; };
        if (std::none_of(iso.files.begin(), iso.files.end(), listed)) {
            iso.described.push_back({*catalogue, kSector, "the boot catalogue"});
        }
    }
    decode_iso_stick(image, iso);
    check_iso_bytes(image, iso);
    outcome.value = std::move(iso);
    return outcome;
}

} // namespace septum::verifier::decode
