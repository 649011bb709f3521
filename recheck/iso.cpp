// SPDX-License-Identifier: Apache-2.0
#include "recheck/iso.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <optional>

namespace septum::recheck {

namespace {

constexpr std::uint64_t kSector = 2048;
constexpr std::uint64_t kPrimary = 16 * kSector;
constexpr std::size_t kRootRecord = 156; // ECMA-119 §8.4.18
constexpr std::size_t kFixedPart = 33;   // of a directory record, §9.1

Bytes extent(Bytes image, Bytes record) {
    return part(image, read_at<std::uint32_t>(record, 2) * kSector, read_at<std::uint32_t>(record, 10));
}

// The name in the NM entries of the record's system use area, else its ISO 9660 name without version, in lower case.
std::string name_of(Bytes record) {
    const std::size_t length = record[32];
    std::string name;
    std::size_t at = kFixedPart + length + (length % 2 == 0 ? 1 : 0);
    while (at + 5 <= record.size() && record[at + 2] >= 5 && record[at + 2] <= record.size() - at) {
        if (record[at] == 'N' && record[at + 1] == 'M')
            name.append(reinterpret_cast<const char*>(record.data() + at + 5), record[at + 2] - 5U);
        at += record[at + 2];
    }
    if (!name.empty())
        return name;
    name.assign(reinterpret_cast<const char*>(record.data() + kFixedPart), length);
    name = name.substr(0, name.find(';'));
    for (char& c : name)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name;
}

// The record of `name` in a directory; nothing when there is none.
std::optional<Bytes> find(Bytes directory, const std::string& name) {
    std::optional<Bytes> found;
    for (std::size_t at = 0; at < directory.size();) {
        const std::size_t length = directory[at];
        if (length == 0) { // records do not cross sectors (§6.8.1.1)
            at = (at / kSector + 1) * kSector;
            continue;
        }
        if (length < kFixedPart + 1 || length > directory.size() - at || kFixedPart + directory[at + 32] > length)
            throw Unreadable("a directory of the image is malformed");
        const Bytes record = directory.subspan(at, length);
        if (name_of(record) == name) { // GRUB takes a directory's record for itself, too, where it has such a name
            if (found)
                throw Unreadable("the image has two files `" + name + "` in one directory");
            found = record;
        }
        at += length;
    }
    return found;
}

} // namespace

Bytes iso_file(Bytes image, const std::string& path) {
    if (image.size() < kPrimary + kSector || image[kPrimary] != 1 ||
        std::memcmp(image.data() + kPrimary + 1, "CD001", 5) != 0) {
        throw Unreadable("the image is no ISO 9660 file system");
    }
    for (Bytes at = image.subspan(kPrimary + kSector); at.size() > kSector && std::memcmp(&at[1], "CD001", 5) == 0;
         at = at.subspan(kSector))
        if (at[0] == 1 || at[0] == 2) // GRUB takes the last tree of files (§8.4, §8.5)
            throw Unreadable("the image has two ISO 9660 file systems");
    Bytes record = image.subspan(kPrimary + kRootRecord, kFixedPart + 1);
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t next = std::min(path.find('/', at + 1), path.size());
        const auto entry = find(extent(image, record), path.substr(at + 1, next - at - 1));
        if (!entry || (((*entry)[25] & 2) != 0) != (next != path.size())) // file flags §9.1.6: a directory
            throw Unreadable("the image has no file `" + path + "`");
        record = *entry;
        at = next;
    }
    return extent(image, record);
}

} // namespace septum::recheck
