// SPDX-License-Identifier: Apache-2.0
// A disk made by hand from the specifications: three partitions, two FAT32 file systems. GRUB's own parts are missing.
#pragma once

#include "world.hpp"

namespace septum::verifier::decode::test {

// Where things lie, in bytes of the disk.
struct DiskWorld {
    static constexpr std::uint64_t kSector = 512;
    static constexpr std::uint64_t kCore = 34;         // sectors: partition 1, to 2047
    static constexpr std::uint64_t kEfi = 2048;        // partition 2
    static constexpr std::uint64_t kReserved = 32;     // of a file system, sectors
    static constexpr std::uint64_t kClusters = 66'000; // of one sector
    static constexpr std::uint64_t kFat = 516;         // sectors of one FAT
    static constexpr std::uint64_t kVolume = kReserved + 2 * kFat + kClusters;
    static constexpr std::uint64_t kData = kEfi + kVolume; // partition 3
    static constexpr std::uint64_t kSectors = kData + kVolume + 33;
    static constexpr std::uint64_t kEntries = 2 * kSector;    // of the primary table
    static constexpr std::uint64_t kDataAt = kData * kSector; // the data file system

    Bytes bytes;

    // In the data file system: the entry of a cluster in the first FAT, and a cluster's contents.
    [[nodiscard]] static std::uint64_t fat_entry(std::uint64_t cluster, bool second = false) {
        return kDataAt + (kReserved + (second ? kFat : 0)) * kSector + 4 * cluster;
    }
    [[nodiscard]] static std::uint64_t cluster(std::uint64_t number) {
        return kDataAt + (kReserved + 2 * kFat + number - 2) * kSector;
    }
    void set_fat(std::uint64_t cluster, std::uint64_t value) { // in both
        put(bytes, fat_entry(cluster), value, 4);
        put(bytes, fat_entry(cluster, true), value, 4);
    }
    // After a change: the checksums are made to fit again, and the backup is made the same.
    void seal();
};

// Clusters of the data file system: 2 root, 3 /boot, 4 /boot/grub, 5 /a, 6 /b, 7 grub.cfg, then kernel and bundle.
[[nodiscard]] DiskWorld make_disk(const Bytes& kernel, const Bytes& bundle);

// A ustar archive of these files.
[[nodiscard]] Bytes make_archive(const std::vector<std::pair<std::string, Bytes>>& files);

} // namespace septum::verifier::decode::test
