// SPDX-License-Identifier: Apache-2.0
#include "build/image/disk.hpp"

#include "build/image/content.hpp"
#include "build/image/fat.hpp"
#include "build/image/gpt.hpp"
#include "build/image/grub.hpp"

#include <algorithm>

namespace septum::build {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Diagnostics = std::vector<config::Diagnostic>;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kSectorsInMiB = kMiB / kDiskSector;

// Partitions begin at whole MiB, but for the first, which takes what the table leaves of the first MiB.
constexpr std::uint64_t kBiosFirst = kGptFirstUsable;
constexpr std::uint64_t kBiosSectors = kSectorsInMiB - kBiosFirst;
constexpr std::uint64_t kEfiFirst = kSectorsInMiB;
constexpr std::uint64_t kEfiMiB = 34; // the least that a FAT32 needs: 65,525 clusters (fatgen103 p. 14)
constexpr std::uint64_t kDataFirst = kEfiFirst + kEfiMiB * kSectorsInMiB;
constexpr std::uint64_t kRoom = 4 * kMiB;
constexpr std::uint64_t kLeastClusters = 66'000;
constexpr unsigned kMostClusterSectors = 64; // 32 KiB

constexpr const char* kConfig = "set timeout=0\n"
                                "multiboot2 /a/septum.elf\n"
                                "module2 /a/appliance.sep\n"
                                "boot\n";
// The third partition of the disk that GRUB itself came from, whatever else is in the machine.
constexpr const char* kPrefix = "(,gpt3)/boot/grub";

Diagnostics failed(std::string message) {
    config::Diagnostic d;
    d.id = "build.tool-failed";
    d.message = std::move(message);
    return {std::move(d)};
}

template <typename T>
void put(std::span<std::uint8_t> out, std::size_t at, T value) {
    for (std::size_t i = 0; i < sizeof value; ++i)
        out[at + i] = static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * i));
}

// What `grub-bios-setup` does on a machine (GRUB 2.06 util/setup.c, include/grub/i386/pc/boot.h), without one: boot.img
// learns where core.img begins, and core.img's first sector, diskboot.img, where its rest lies and goes.
Diagnostics install_bios(std::span<std::uint8_t> disk, const Bytes& boot, const Bytes& core) {
    constexpr std::size_t kBootSize = 440;      // behind it is the partition table
    constexpr std::size_t kKernelSector = 0x5C; // 8 bytes
    constexpr std::size_t kBootDrive = 0x64;    // 0xFF: the one that the firmware names in DL
    constexpr std::size_t kDriveCheck = 0x66;   // a jump round the repair of a wrong DL, for floppies only
    constexpr std::size_t kBlockList =
        0x200 - 12;                           // of diskboot.img: first sector, count, segment; then an end of zeros
    constexpr std::uint16_t kSegment = 0x820; // 0x8200: behind diskboot.img at 0x8000
    constexpr std::uint8_t kNop = 0x90;
    const std::uint64_t sectors = (core.size() + kDiskSector - 1) / kDiskSector;
    if (boot.size() != kDiskSector)
        return failed("grub's `boot.img` has " + std::to_string(boot.size()) + " bytes, expected 512");
    if (sectors < 2 || sectors > kBiosSectors)
        return failed("grub's core image has " + std::to_string(core.size()) + " bytes, expected 513 to " +
                      std::to_string(kBiosSectors * kDiskSector));
    std::copy_n(boot.begin(), kBootSize, disk.begin());
    put(disk, kKernelSector, kBiosFirst);
    disk[kBootDrive] = 0xFF;
    disk[kDriveCheck] = disk[kDriveCheck + 1] = kNop;
    const auto partition = disk.subspan(kBiosFirst * kDiskSector, kBiosSectors * kDiskSector);
    std::copy(core.begin(), core.end(), partition.begin());
    put(partition, kBlockList, kBiosFirst + 1);
    put(partition, kBlockList + 8, static_cast<std::uint16_t>(sectors - 1));
    put(partition, kBlockList + 10, kSegment);
    return {};
}

// Whole MiB for two appliances of this size and larger ones.
std::uint64_t data_mib(std::uint64_t files) {
    const std::uint64_t both = 2 * (files + files / 2 + kRoom);
    const std::uint64_t with_tables = both + both / 32 + kMiB;
    return std::max(kEfiMiB, (with_tables + kMiB - 1) / kMiB);
}

unsigned cluster_sectors(std::uint64_t sectors) {
    unsigned size = 1;
    while (size < kMostClusterSectors && sectors / (std::uint64_t{2} * size) >= kLeastClusters + 2000)
        size *= 2;
    return size;
}

} // namespace

config::Outcome<Bytes> make_disk(std::span<const std::uint8_t> kernel, std::span<const std::uint8_t> bundle,
                                 const std::string& name) {
    // One identifier for each thing that has one.
    std::vector<ContentDigest> ids;
    for (const char* what : {"disk", "bios", "efi", "data"}) {
        auto digest = content_digest({kernel, bundle, bytes_of(kConfig), bytes_of(name), bytes_of(what)});
        if (!digest.ok())
            return {std::nullopt, std::move(digest.diagnostics)};
        ids.push_back(*digest.value);
    }
    const auto serial = [&](std::size_t which) {
        const ContentDigest& id = ids[which];
        return std::uint32_t{id[16]} | std::uint32_t{id[17]} << 8 | std::uint32_t{id[18]} << 16 |
               std::uint32_t{id[19]} << 24;
    };
    auto scratch = Scratch::make();
    if (!scratch.ok())
        return {std::nullopt, std::move(scratch.diagnostics)};
    const auto& folder = scratch.value->path();
    for (const auto& [file, bytes] :
         {std::pair{"grub.cfg", bytes_of(kConfig)}, {"septum.elf", kernel}, {"appliance.sep", bundle}})
        if (auto bad = write_scratch(folder / file, bytes); !bad.empty())
            return {std::nullopt, std::move(bad)};

    if (auto bad = make_grub(folder / "core.img",
                             {"i386-pc", kPrefix, "", {"biosdisk", "part_gpt", "fat", "normal", "multiboot2"}},
                             *scratch.value);
        !bad.empty())
        return {std::nullopt, std::move(bad)};
    if (auto bad = make_grub(folder / "BOOTX64.EFI",
                             {"x86_64-efi", kPrefix, "", {"part_gpt", "fat", "normal", "multiboot2"}}, *scratch.value);
        !bad.empty())
        return {std::nullopt, std::move(bad)};
    const std::uint64_t data = data_mib(kernel.size() + bundle.size()) * kSectorsInMiB;
    const std::uint64_t efi = kEfiMiB * kSectorsInMiB;
    if (auto bad = make_fat(folder / "efi.img",
                            {.sectors = efi,
                             .first = kEfiFirst,
                             .cluster_sectors = 1,
                             .serial = serial(2),
                             .label = "SEPTUM-EFI",
                             .folders = {"EFI", "EFI/BOOT"},
                             .files = {{"EFI/BOOT/BOOTX64.EFI", folder / "BOOTX64.EFI"}}},
                            *scratch.value);
        !bad.empty())
        return {std::nullopt, std::move(bad)};
    if (auto bad = make_fat(folder / "data.img",
                            {.sectors = data,
                             .first = kDataFirst,
                             .cluster_sectors = cluster_sectors(data),
                             .serial = serial(3),
                             .label = "SEPTUM",
                             .folders = {"boot", "boot/grub", "a", "b"},
                             .files = {{"boot/grub/grub.cfg", folder / "grub.cfg"},
                                       {"a/septum.elf", folder / "septum.elf"},
                                       {"a/appliance.sep", folder / "appliance.sep"}}},
                            *scratch.value);
        !bad.empty())
        return {std::nullopt, std::move(bad)};

    Bytes disk((kDataFirst + data + kSectorsInMiB) * kDiskSector); // a MiB behind, with the backup table at its end
    std::vector<Bytes> parts;
    for (const auto& file : {grub_disk_mbr(), folder / "core.img", folder / "efi.img", folder / "data.img"}) {
        auto bytes = read_scratch(file);
        if (!bytes.ok())
            return {std::nullopt, std::move(bytes.diagnostics)};
        parts.push_back(std::move(*bytes.value));
    }
    if (parts[2].size() != efi * kDiskSector || parts[3].size() != data * kDiskSector)
        return {std::nullopt, failed("`mformat` made a file system of another size than it was told")};
    if (auto bad = install_bios(disk, parts[0], parts[1]); !bad.empty())
        return {std::nullopt, std::move(bad)};
    std::copy(parts[2].begin(), parts[2].end(), disk.begin() + static_cast<std::ptrdiff_t>(kEfiFirst * kDiskSector));
    std::copy(parts[3].begin(), parts[3].end(), disk.begin() + static_cast<std::ptrdiff_t>(kDataFirst * kDiskSector));
    write_gpt(disk, guid_of(ids[0]),
              {{kBiosBoot, guid_of(ids[1]), kBiosFirst, kBiosSectors, "septum bios"},
               {kEfiSystem, guid_of(ids[2]), kEfiFirst, efi, "septum efi"},
               {kBasicData, guid_of(ids[3]), kDataFirst, data, "septum"}});
    return {std::move(disk), {}};
}

} // namespace septum::build
