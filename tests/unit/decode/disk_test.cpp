// SPDX-License-Identifier: Apache-2.0
// Partition tables and FAT file systems: read as they are, and every way of being wrong named.
#include "disk_world.hpp"

#include "verifier/facts/facts.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace septum::verifier::decode {
namespace {

using test::Bytes;
using test::DiskWorld;
using test::put;

constexpr std::uint64_t kSector = DiskWorld::kSector;

const Bytes& kernel() {
    static const Bytes bytes = test::make_kernel();
    return bytes;
}
const Bytes& bundle() {
    static const Bytes bytes(5000, 0x5A);
    return bytes;
}
const DiskWorld& good() {
    static const DiskWorld world = test::make_disk(kernel(), bundle());
    return world;
}

// All that is said of the disk after a change, a line each.
std::string said_after(const std::function<void(DiskWorld&)>& change, bool seal = false) {
    DiskWorld world = good();
    change(world);
    if (seal) {
        world.seal();
    }
    const auto image = open_image(world.bytes);
    std::string said;
    for (const config::Diagnostic& diagnostic : image.diagnostics) {
        said += diagnostic.message + "\n";
    }
    if (image.ok()) {
        for (const Defect& defect : image.value->defects.kept()) {
            said += defect.what + "\n";
        }
    }
    return said;
}

bool says(const std::string& said, const std::string& text) {
    return said.find(text) != std::string::npos;
}

Bytes contents(const ImageFile* file) {
    return file == nullptr ? Bytes{} : Bytes(file->contents.begin(), file->contents.end());
}

TEST(Disk, IsReadWhole) {
    const auto image = open_image(good().bytes);
    ASSERT_TRUE(image.ok()) << image.diagnostics[0].message;
    EXPECT_EQ(image.value->kind, ImageKind::disk);
    EXPECT_TRUE(image.value->defects.empty()) << image.value->defects.kept()[0].what;
    ASSERT_EQ(image.value->gpt.partitions.size(), 3U);
    EXPECT_EQ(image.value->gpt.partitions[1].type, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    EXPECT_EQ(image.value->gpt.partitions[2].name, "c");
    EXPECT_EQ(image.value->data.label, "BY HAND");
    std::vector<std::string> paths;
    for (const ImageFile& file : image.value->files) {
        paths.push_back(file.path);
    }
    EXPECT_EQ(paths, (std::vector<std::string>{"/a/appliance.sep", "/a/septum.elf", "/boot/grub/grub.cfg",
                                               "efi:/efi/boot/bootx64.efi"}));
    EXPECT_EQ(contents(image.value->find("/a/septum.elf")), kernel());
    EXPECT_EQ(Bytes(image.value->bundle.begin(), image.value->bundle.end()), bundle());
    EXPECT_EQ(image.value->kernel_path, "/a/septum.elf");
    for (const ImageProgram& program : image.value->programs) {
        EXPECT_FALSE(program.program.has_value()); // there are none in it
    }
}

TEST(Disk, AFragmentedFileIsPutTogether) {
    DiskWorld world = good();
    // grub.cfg fits into cluster 7; the kernel begins in 8. Its second cluster goes to 60,000.
    std::copy_n(world.bytes.begin() + static_cast<std::ptrdiff_t>(DiskWorld::cluster(9)), kSector,
                world.bytes.begin() + static_cast<std::ptrdiff_t>(DiskWorld::cluster(60'000)));
    world.set_fat(8, 60'000);
    world.set_fat(60'000, 10);
    world.set_fat(9, 0);
    const auto image = open_image(world.bytes);
    ASSERT_TRUE(image.ok());
    EXPECT_TRUE(image.value->defects.empty());
    EXPECT_EQ(contents(image.value->find("/a/septum.elf")), kernel());
}

TEST(Disk, EveryBitOfTheHeadersCounts) {
    DiskWorld world = good();
    for (const std::uint64_t header : {kSector, (DiskWorld::kSectors - 1) * kSector}) {
        for (std::uint64_t bit = 0; bit < 92 * 8; bit += 5) {
            world.bytes[header + bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
            const auto gpt = decode_gpt(world.bytes);
            EXPECT_TRUE(!gpt.ok() || !gpt.value->defects.empty()) << header << " bit " << bit;
            world.bytes[header + bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        }
    }
}

TEST(Disk, PartitionTablesThatAreWrong) {
    const std::uint64_t third = DiskWorld::kEntries + std::uint64_t{2} * 128;
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { w.bytes[kSector + 56] ^= 1; }),
                 "the primary gpt header: checksum");
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { w.bytes[third + 60] ^= 1; }),
                 "the primary gpt header: checksum of its entries");
    EXPECT_PRED2(
        says, said_after([&](DiskWorld& w) { put(w.bytes, DiskWorld::kEntries + 40, DiskWorld::kEfi + 8, 8); }, true),
        "partition 2 overlaps partition 1");
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { put(w.bytes, third + 48, 4, 8); }, true),
                 "partition 3: attributes");
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { put(w.bytes, third + 16, 1, 8); }, true),
                 "partition 3 has the id of partition 1");
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { put(w.bytes, DiskWorld::kEntries + 32, 3, 8); }, true),
                 "partition 1 reaches out of the disk's part for partitions");
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { w.bytes[450] = 0x0C; }), "the protective mbr's type");
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { w.bytes[466] = 0x0C; }),
                 "the mbr has more than its protective partition");
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { w.bytes[(DiskWorld::kSectors - 33) * kSector] ^= 1; }),
                 "the backup gpt header: checksum of its entries");
}

TEST(Disk, CutShortOrTooLong) {
    Bytes bytes = good().bytes;
    bytes.resize(bytes.size() - kSector);
    const auto cut = open_image(bytes);
    ASSERT_FALSE(cut.ok());
    EXPECT_EQ(cut.diagnostics[0].message, "the disk is cut short: expected " +
                                              std::to_string(DiskWorld::kSectors * kSector) + " bytes, found " +
                                              std::to_string(bytes.size()));
    bytes.resize(bytes.size() + 2 * kSector);
    const auto longer = open_image(bytes);
    ASSERT_FALSE(longer.ok());
    EXPECT_NE(longer.diagnostics[0].help.find("head -c"), std::string::npos);
}

TEST(Disk, FileSystemsThatAreWrong) {
    const auto data = [](std::uint64_t at) { return DiskWorld::kDataAt + at; };
    const std::string at = "the appliance's partition: ";
    // The kernel's chain comes back to its own first cluster, and to grub.cfg's.
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { w.set_fat(9, 8); }),
                 at + "`/a/septum.elf` has a chain of clusters without an end: it comes back to 8");
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { w.set_fat(9, 7); }),
                 at + "`/boot/grub/grub.cfg` shares with another cluster 7");
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { w.set_fat(9, 1); }), at + "`/a/septum.elf` leads to cluster 1");
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { w.set_fat(9, 0x0FFF'FFFF); }),
                 at + "`/a/septum.elf` has another number of clusters than its size needs");
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { put(w.bytes, DiskWorld::fat_entry(9), 8, 4); }),
                 at + "the two FATs differ at cluster 9");
    EXPECT_PRED2(says, said_after([](DiskWorld& w) { w.set_fat(65'000, 0x0FFF'FFFF); }),
                 at + "cluster 65000 belongs to no file");
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { w.bytes[data(60)] = 1; }),
                 at + "the backup boot sector is not the boot sector");
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { w.bytes[data(13)] = 3; }),
                 "the appliance's partition is not a file system that can be judged");
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { w.bytes[data(16)] = 1; }),
                 "the appliance's partition is not a file system that can be judged");
    // grub.cfg's directory: its long name's checksum, a name that is there twice, something behind the end.
    const std::uint64_t grub = DiskWorld::cluster(4);
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { w.bytes[grub + 64 + 13] ^= 1; }),
                 at + "a long name in `/boot/grub/` is nobody's");
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) {
                     std::copy_n(w.bytes.begin() + static_cast<std::ptrdiff_t>(grub + 64), 64,
                                 w.bytes.begin() + static_cast<std::ptrdiff_t>(grub + 128));
                     put(w.bytes, grub + 128 + 32 + 26, 0, 2);
                     put(w.bytes, grub + 128 + 32 + 28, 0, 4);
                 }),
                 at + "`/boot/grub/grub.cfg` is there twice");
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { w.bytes[grub + 256] = 'X'; }),
                 at + "behind the end of directory `/boot/grub/`");
    // A folder that contains itself; one whose `..` leads elsewhere.
    EXPECT_PRED2(says, said_after([&](DiskWorld& w) { put(w.bytes, grub + 32 + 26, 5, 2); }),
                 at + "directory `/boot/grub/` does not begin as one");
}

TEST(Disk, TwoConfigurations) {
    // A second file in grub.cfg's folder is a file of the image: the judge sees it.
    DiskWorld world = good();
    const std::uint64_t grub = DiskWorld::cluster(4);
    std::copy_n("CUSTOM  CFG", 11, world.bytes.begin() + static_cast<std::ptrdiff_t>(grub + 128));
    world.bytes[grub + 128 + 11] = 0x20;
    const auto image = open_image(world.bytes);
    ASSERT_TRUE(image.ok());
    EXPECT_TRUE(image.value->defects.empty());
    EXPECT_NE(image.value->find("/boot/grub/custom.cfg"), nullptr);
}

TEST(Archive, IsReadWhole) {
    const Bytes one(700, 1);
    const Bytes tar = test::make_archive({{"septum.elf", kernel()}, {"appliance.sep", one}, {"empty", {}}});
    EXPECT_TRUE(looks_like_tar(tar));
    const auto read = decode_tar(tar);
    ASSERT_TRUE(read.ok());
    EXPECT_TRUE(read.value->defects.empty());
    ASSERT_EQ(read.value->files.size(), 3U);
    EXPECT_EQ(Bytes(read.value->files[1].contents.begin(), read.value->files[1].contents.end()), one);
    EXPECT_EQ(read.value->find("nothing"), nullptr);
    const auto image = open_image(tar);
    ASSERT_TRUE(image.ok());
    EXPECT_EQ(image.value->kind, ImageKind::netboot);
    EXPECT_EQ(image.value->bundle.size(), one.size());
}

TEST(Archive, WrongOnes) {
    const Bytes good = test::make_archive({{"septum.elf", kernel()}, {"appliance.sep", {1}}});
    const auto defect = [&](std::size_t at, std::uint8_t value) {
        Bytes tar = good;
        tar[at] = value;
        const auto read = decode_tar(tar);
        return !read.ok() ? "error" : read.value->defects.empty() ? "" : read.value->defects.kept()[0].what;
    };
    EXPECT_EQ(defect(0, 'S'), "an entry's checksum in the archive");
    EXPECT_EQ(defect(good.size() - 1, 1), "there is more behind the archive's end");
    EXPECT_EQ(defect(124, '7'), "error"); // far larger than the archive
    for (const auto& files : {std::vector<std::pair<std::string, Bytes>>{{"a", {1}}, {"a", {2}}},
                              std::vector<std::pair<std::string, Bytes>>{{"a/b", {1}}}}) {
        const Bytes tar = test::make_archive(files);
        const auto read = decode_tar(tar);
        EXPECT_TRUE(read.ok() && !read.value->defects.empty());
    }
    for (const std::size_t size : {std::size_t{512}, good.size() - 512, good.size() / 2}) {
        EXPECT_FALSE(decode_tar(ByteSpan(good).first(size)).ok()) << size;
    }
}

} // namespace
} // namespace septum::verifier::decode
