// SPDX-License-Identifier: Apache-2.0
#include "disk_world.hpp"

#include <algorithm>
#include <cstring>

namespace septum::verifier::decode::test {

namespace {

constexpr std::uint64_t kSector = DiskWorld::kSector;

std::uint32_t crc(const std::uint8_t* bytes, std::size_t size) { // UEFI 2.10 §4.2
    std::uint32_t value = 0xFFFF'FFFF;
    for (std::size_t i = 0; i < size; ++i) {
        value ^= bytes[i];
        for (int bit = 0; bit < 8; ++bit) {
            value = (value >> 1) ^ (0xEDB8'8320 & (0U - (value & 1)));
        }
    }
    return ~value;
}

void write(Bytes& bytes, std::uint64_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

// A file system in which everything is put by hand.
class Volume {
public:
    Volume(Bytes& disk, std::uint64_t first) : disk_(disk), at_(first * kSector) {
        for (const std::uint64_t sector : {std::uint64_t{0}, std::uint64_t{6}}) { // fatgen103 pp. 9 to 13
            const std::uint64_t b = at_ + sector * kSector;
            write(disk_, b, "\xEB\x58\x90HAND    ");
            put(disk_, b + 11, kSector, 2);
            put(disk_, b + 13, 1, 1);
            put(disk_, b + 14, DiskWorld::kReserved, 2);
            put(disk_, b + 16, 2, 1);
            put(disk_, b + 21, 0xF8, 1);
            put(disk_, b + 32, DiskWorld::kVolume, 4);
            put(disk_, b + 36, DiskWorld::kFat, 4);
            put(disk_, b + 44, 2, 4);
            put(disk_, b + 48, 1, 2);
            put(disk_, b + 50, 6, 2);
            put(disk_, b + 510, 0xAA55, 2);
        }
        put(disk_, at_ + kSector, 0x4161'5252, 4);
        put(disk_, at_ + kSector + 484, 0x6141'7272, 4);
        put(disk_, at_ + kSector + 508, 0xAA55'0000, 4);
        fat(0, 0x0FFF'FFF8);
        fat(1, 0x0FFF'FFFF);
        fat(2, 0x0FFF'FFFF);
    }

    // An entry in the directory that begins in cluster `in`. Lower-case names get a long one as well.
    void entry(std::uint64_t in, const std::string& name, const char* short_name, std::uint8_t attributes,
               std::uint64_t first, std::uint64_t size) {
        std::uint8_t sum = 0;
        for (std::size_t i = 0; i < 11; ++i) {
            sum = static_cast<std::uint8_t>((sum >> 1 | sum << 7) + short_name[i]);
        }
        if (!name.empty()) {
            const std::size_t parts = (name.size() + 12) / 13;
            for (std::size_t part = parts; part > 0; --part) {
                const std::uint64_t e = next(in);
                put(disk_, e, part | (part == parts ? 0x40U : 0U), 1);
                put(disk_, e + 11, 0x0F, 1);
                put(disk_, e + 13, sum, 1);
                for (std::size_t i = 0; i < 13; ++i) {
                    const std::size_t at = (part - 1) * 13 + i;
                    const std::uint64_t unit = at < name.size()    ? static_cast<std::uint8_t>(name[at])
                                               : at == name.size() ? 0U
                                                                   : 0xFFFFU;
                    put(disk_, e + (i < 5 ? 1 + 2 * i : i < 11 ? 14 + 2 * (i - 5) : 28 + 2 * (i - 11)), unit, 2);
                }
            }
        }
        const std::uint64_t e = next(in);
        write(disk_, e, std::string_view(short_name, 11));
        put(disk_, e + 11, attributes, 1);
        put(disk_, e + 20, first >> 16, 2);
        put(disk_, e + 26, first & 0xFFFF, 2);
        put(disk_, e + 28, size, 4);
    }
    void folder(std::uint64_t in, const char* short_name, std::uint64_t at) {
        entry(in, "", short_name, 0x10, at, 0);
        fat(at, 0x0FFF'FFFF);
        entry(at, "", ".          ", 0x10, at, 0);
        entry(at, "", "..         ", 0x10, in == 2 ? 0 : in, 0);
    }
    // Returns the cluster behind it.
    std::uint64_t file(std::uint64_t in, const std::string& name, const char* short_name, std::uint64_t at,
                       const Bytes& bytes) {
        const std::uint64_t count = (bytes.size() + kSector - 1) / kSector;
        entry(in, name, short_name, 0x20, count == 0 ? 0 : at, bytes.size());
        for (std::uint64_t i = 0; i < count; ++i) {
            fat(at + i, i + 1 == count ? 0x0FFF'FFFF : at + i + 1);
        }
        std::copy(bytes.begin(), bytes.end(), disk_.begin() + static_cast<std::ptrdiff_t>(place(at)));
        return at + count;
    }
    void fat(std::uint64_t cluster, std::uint64_t value) {
        for (const std::uint64_t copy : {std::uint64_t{0}, DiskWorld::kFat}) {
            put(disk_, at_ + (DiskWorld::kReserved + copy) * kSector + 4 * cluster, value, 4);
        }
    }

private:
    [[nodiscard]] std::uint64_t place(std::uint64_t cluster) const {
        return at_ + (DiskWorld::kReserved + 2 * DiskWorld::kFat + cluster - 2) * kSector;
    }
    std::uint64_t next(std::uint64_t directory) { // its first free entry
        std::uint64_t at = place(directory);
        while (disk_[at] != 0) {
            at += 32;
        }
        return at;
    }

    Bytes& disk_;
    std::uint64_t at_;
};

} // namespace

void DiskWorld::seal() {
    const std::uint64_t last = kSectors - 1;
    std::copy_n(bytes.begin() + kEntries, 32 * kSector,
                bytes.begin() + static_cast<std::ptrdiff_t>((last - 32) * kSector));
    for (const bool backup : {false, true}) { // UEFI 2.10 table 5.5
        const std::uint64_t h = (backup ? last : 1) * kSector;
        write(bytes, h, "EFI PART");
        put(bytes, h + 8, 0x10000, 4);
        put(bytes, h + 12, 92, 4);
        put(bytes, h + 16, 0, 4);
        put(bytes, h + 24, backup ? last : 1, 8);
        put(bytes, h + 32, backup ? 1 : last, 8);
        put(bytes, h + 40, 34, 8);
        put(bytes, h + 48, last - 33, 8);
        put(bytes, h + 56, 0x77, 8);
        put(bytes, h + 72, backup ? last - 32 : 2, 8);
        put(bytes, h + 80, 128, 4);
        put(bytes, h + 84, 128, 4);
        put(bytes, h + 88, crc(&bytes[kEntries], 128 * 128), 4);
        put(bytes, h + 16, crc(&bytes[h], 92), 4);
    }
}

DiskWorld make_disk(const Bytes& kernel, const Bytes& bundle) {
    DiskWorld world;
    Bytes& d = world.bytes;
    d.assign(DiskWorld::kSectors * kSector, 0);
    put(d, 0x5C, DiskWorld::kCore, 8);
    put(d, 446 + 1, 0x000200, 3);
    put(d, 446 + 4, 0xEE, 1);
    put(d, 446 + 5, 0xFFFFFF, 3);
    put(d, 446 + 8, 1, 4);
    put(d, 446 + 12, DiskWorld::kSectors - 1, 4);
    put(d, 510, 0xAA55, 2);
    const std::uint8_t types[3][16] = {
        {0x48, 0x61, 0x68, 0x21, 0x49, 0x64, 0x6F, 0x6E, 0x74, 0x4E, 0x65, 0x65, 0x64, 0x45, 0x46, 0x49},
        {0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11, 0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B},
        {0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99, 0xC7}};
    const std::uint64_t bounds[3][2] = {{DiskWorld::kCore, DiskWorld::kEfi - 1},
                                        {DiskWorld::kEfi, DiskWorld::kData - 1},
                                        {DiskWorld::kData, DiskWorld::kData + DiskWorld::kVolume - 1}};
    for (std::uint64_t i = 0; i < 3; ++i) {
        const std::uint64_t e = DiskWorld::kEntries + 128 * i;
        std::copy(std::begin(types[i]), std::end(types[i]), d.begin() + static_cast<std::ptrdiff_t>(e));
        put(d, e + 16, i + 1, 8);
        put(d, e + 32, bounds[i][0], 8);
        put(d, e + 40, bounds[i][1], 8);
        put(d, e + 56, 'a' + i, 2);
    }

    Volume efi(d, DiskWorld::kEfi);
    efi.folder(2, "EFI        ", 3);
    efi.folder(3, "BOOT       ", 4);
    efi.file(4, "", "BOOTX64 EFI", 5, Bytes(1000, 7));

    Volume data(d, DiskWorld::kData);
    data.entry(2, "", "BY HAND    ", 0x08, 0, 0);
    data.folder(2, "BOOT       ", 3);
    data.folder(3, "GRUB       ", 4);
    data.folder(2, "A          ", 5);
    data.folder(2, "B          ", 6);
    const std::string config = "set timeout=0\nmultiboot2 /a/septum.elf\nmodule2 /a/appliance.sep\nboot\n";
    std::uint64_t at = data.file(4, "grub.cfg", "GRUB    CFG", 7, Bytes(config.begin(), config.end()));
    at = data.file(5, "septum.elf", "SEPTUM  ELF", at, kernel);
    data.file(5, "appliance.sep", "APPLIA~1SEP", at, bundle);
    world.seal();
    return world;
}

Bytes make_archive(const std::vector<std::pair<std::string, Bytes>>& files) {
    Bytes out;
    for (const auto& [name, bytes] : files) {
        Bytes header(512, 0);
        write(header, 0, name);
        char size[16];
        std::snprintf(size, sizeof size, "%011zo", bytes.size());
        write(header, 124, std::string_view(size, 11));
        write(header, 148, "        ");
        write(header, 156, "0");
        write(header, 257,
              std::string_view("ustar\0"
                               "00",
                               8));
        unsigned sum = 0;
        for (const std::uint8_t byte : header) {
            sum += byte;
        }
        char text[16];
        std::snprintf(text, sizeof text, "%06o", sum);
        write(header, 148, std::string_view(text, 6));
        header[154] = 0;
        out.insert(out.end(), header.begin(), header.end());
        out.insert(out.end(), bytes.begin(), bytes.end());
        out.resize((out.size() + 511) / 512 * 512);
    }
    out.resize(out.size() + 1024);
    return out;
}

} // namespace septum::verifier::decode::test
