// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/iso.hpp"

#include "world.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace septum::verifier::decode {
namespace {

using test::put;

Iso decode(const std::vector<std::uint8_t>& image) {
    auto outcome = decode_iso(image);
    EXPECT_TRUE(outcome.ok()) << (outcome.diagnostics.empty() ? "" : outcome.diagnostics[0].message);
    return outcome.value.value_or(Iso{});
}

TEST(Iso, FindsFilesByRockRidgeName) {
    const auto image = test::make_iso(test::make_kernel(), {1, 2, 3});
    const Iso iso = decode(image);
    EXPECT_TRUE(iso.rock_ridge);
    EXPECT_FALSE(iso.joliet);
    EXPECT_EQ(iso.volume, "GATEWAY");
    EXPECT_TRUE(iso.defects.empty());
    ASSERT_EQ(iso.files.size(), 3U);
    EXPECT_EQ(iso.files[0].path, "/boot/appliance.sep");
    EXPECT_EQ(iso.files[1].path, "/boot/grub/grub.cfg");
    EXPECT_EQ(iso.files[2].path, "/boot/septum.elf");
    const IsoFile* bundle = iso.find("/boot/appliance.sep");
    ASSERT_NE(bundle, nullptr);
    const ByteSpan contents = iso.contents(*bundle);
    EXPECT_EQ(std::vector<std::uint8_t>(contents.begin(), contents.end()), (std::vector<std::uint8_t>{1, 2, 3}));
    EXPECT_EQ(iso.find("/boot/APPLIANCE.SEP"), nullptr);
    EXPECT_EQ(iso.find("/boot"), nullptr);
}

TEST(Iso, RefusesWhatIsNone) {
    EXPECT_FALSE(decode_iso({}).ok());
    const std::vector<std::uint8_t> zeros(1 << 20, 0);
    EXPECT_FALSE(decode_iso(zeros).ok());
    auto image = test::make_iso({}, {1});
    EXPECT_FALSE(decode_iso(ByteSpan(image).first(image.size() - 1)).ok());
    const auto cut = decode_iso(ByteSpan(image).first(image.size() - 2048));
    ASSERT_FALSE(cut.ok());
    EXPECT_NE(cut.diagnostics[0].message.find("cut short"), std::string::npos);
    put(image, 16 * 2048 + 156 + 2, 0xFFFF'FFFF, 4); // root directory far away
    EXPECT_FALSE(decode_iso(image).ok());
}

TEST(Iso, RecordsDefects) {
    const auto good = test::make_iso({}, {1, 2, 3});
    // The records of /boot begin at sector 21: ".", "..", appliance.sep, grub, septum.elf.
    const std::uint64_t boot = std::uint64_t{21} * 2048;
    std::uint64_t record = boot;
    record += good[record];
    record += good[record]; // appliance.sep
    auto image = good;
    put(image, record + 2, 0x00FF'FFFF, 4);
    EXPECT_TRUE(decode(image).defects.has(DefectKind::cut_short));
    EXPECT_EQ(decode(image).find("/boot/appliance.sep"), nullptr);
    image = good;
    put(image, record + 10, 2, 4); // little-endian size differs from the big-endian one
    EXPECT_TRUE(decode(image).defects.has(DefectKind::wrong_value));
    image = good;
    image[record] = 20; // shorter than a record is
    EXPECT_TRUE(decode(image).defects.has(DefectKind::cut_short));
    image = good;
    image[record + 26] = 1; // interleaved
    EXPECT_TRUE(decode(image).defects.has(DefectKind::unknown));
}

TEST(Iso, DirectoryCycleEnds) {
    auto image = test::make_iso({}, {1});
    const std::uint64_t boot = std::uint64_t{21} * 2048;
    std::uint64_t record = boot;
    for (unsigned i = 0; i < 3; ++i) {
        record += image[record];
    }
    put(image, record + 2, 21, 4); // grub → boot
    image[record + 9] = 21;
    const Iso iso = decode(image);
    EXPECT_TRUE(iso.defects.has(DefectKind::table_cycle));
}

TEST(Iso, SameNameTwiceIsNotFound) {
    auto image = test::make_iso({}, {1});
    const std::string text(reinterpret_cast<const char*>(image.data()), image.size());
    // Both names have ten letters when `appliance.sep` is spelt `septum.elf` with its length kept by the NM entry.
    const std::size_t at = text.find("appliance.sep");
    ASSERT_NE(at, std::string::npos);
    std::memcpy(image.data() + at, "septum.elf", 10);
    image[at - 3] = 15; // NM: 5 + 10; the three letters left over begin no entry
    const Iso iso = decode(image);
    EXPECT_TRUE(iso.defects.has(DefectKind::duplicate));
    EXPECT_EQ(iso.find("/boot/septum.elf"), nullptr);
}

// An image whose directory /boot/grub has one more record, before all others.
std::vector<std::uint8_t> with_record(std::vector<std::uint8_t> record) {
    auto image = test::make_iso(test::make_kernel(), {1, 2, 3});
    const std::size_t grub = std::size_t{22} * 2048;
    const std::size_t at = grub + image[grub] + image[grub + image[grub]]; // behind "." and ".."
    record.resize(record.size() + record.size() % 2);
    record[0] = static_cast<std::uint8_t>(record.size());
    std::move_backward(image.begin() + static_cast<std::ptrdiff_t>(at),
                       image.begin() + static_cast<std::ptrdiff_t>(grub + 512),
                       image.begin() + static_cast<std::ptrdiff_t>(grub + 512 + record.size()));
    std::copy(record.begin(), record.end(), image.begin() + static_cast<std::ptrdiff_t>(at));
    return image;
}

// A record for a file of one byte in sector 24, where the kernel is; system-use entries follow.
std::vector<std::uint8_t> record(const std::string& identifier, std::uint8_t flags, const std::string& use) {
    std::vector<std::uint8_t> out(33, 0);
    for (const std::size_t at : {std::size_t{2}, std::size_t{10}}) {
        put(out, at, at == 2 ? 24 : 1, 4);
        out[at + 7] = at == 2 ? 24 : 1;
    }
    out[25] = flags;
    out[32] = static_cast<std::uint8_t>(identifier.size());
    out.insert(out.end(), identifier.begin(), identifier.end());
    if (identifier.size() % 2 == 0) {
        out.push_back(0);
    }
    out.insert(out.end(), use.begin(), use.end());
    return out;
}

std::string name_entry(const std::string& name, char flags = '\0') {
    return std::string("NM") + static_cast<char>(5 + name.size()) + '\1' + flags + name;
}

std::string type_entry(std::uint16_t mode) {
    std::string out = std::string("PX") + '\x24' + '\1' + std::string(32, '\0');
    out[4] = static_cast<char>(mode & 0xFF);
    out[5] = static_cast<char>(mode >> 8);
    return out;
}

// What GRUB would read as another grub.cfg, each by a rule of its own (grub-core/fs/iso9660.c).
TEST(Iso, FindsWhatOtherReadersWouldFind) {
    EXPECT_TRUE(decode(test::make_iso(test::make_kernel(), {1, 2, 3})).defects.empty());
    const struct {
        const char* what;
        std::vector<std::uint8_t> record;
        DefectKind kind;
    } cases[] = {
        {"itself by another name", record(std::string(1, '\0'), 0, name_entry("grub.cfg")), DefectKind::unknown},
        {"its parent by another name", record("\1", 2, name_entry("grub.cfg")), DefectKind::unknown},
        {"its parent, later", record("\1", 2, ""), DefectKind::unknown},
        {"a directory by its flags, a file by its mode", record("X", 2, type_entry(0x8124) + name_entry("grub.cfg")),
         DefectKind::unknown},
        {"a file by its flags, a directory by its mode", record("X", 0, type_entry(0x4124) + name_entry("y")),
         DefectKind::unknown},
        {"a link by its mode", record("X", 0, type_entry(0xA1FF) + name_entry("y")), DefectKind::unknown},
        {"a hidden directory", record("X", 3, name_entry("grub.cfg")), DefectKind::unknown},
        {"a name that says to be `.`", record("X", 0, name_entry("grub.cfg", '\2')), DefectKind::unknown},
        {"a name behind an entry that is too short", record("X", 0, "ZZ\3" + name_entry("grub.cfg")),
         DefectKind::stray_bytes},
        {"the same name twice", record("X", 0, name_entry("grub.cfg")), DefectKind::duplicate},
        {"a directory of the same name", record("X", 2, name_entry("grub.cfg")), DefectKind::duplicate},
        {"the bytes of another file", record("X", 0, name_entry("normal.mod")), DefectKind::overlap},
    };
    for (const auto& each : cases) {
        const Iso iso = decode(with_record(each.record));
        EXPECT_TRUE(iso.defects.has(each.kind)) << each.what;
    }
}

TEST(Iso, HasOneTreeOnly) {
    const auto good = test::make_iso(test::make_kernel(), {1, 2, 3});
    constexpr std::size_t kSector = 2048;
    auto image = good; // one more descriptor, where the end was; the root directory follows later
    std::copy_n(good.begin() + 17 * kSector, kSector, image.begin() + 18 * kSector);
    std::copy_n(good.begin() + 16 * kSector, kSector, image.begin() + 17 * kSector);
    EXPECT_TRUE(decode(image).defects.has(DefectKind::duplicate)) << "GRUB takes the last primary descriptor";
    image[17 * kSector] = 3;
    EXPECT_TRUE(decode(image).defects.has(DefectKind::unknown)) << "a descriptor of partitions";
    std::memcpy(image.data() + 17 * kSector, "\0CD001\1EL TORITO SPECIFICATION", 30);
    put(image, 17 * kSector + 0x47, 23, 4);
    auto two = image;
    std::copy_n(good.begin() + 17 * kSector, kSector, two.begin() + 19 * kSector);
    std::copy_n(image.begin() + 17 * kSector, kSector, two.begin() + 18 * kSector);
    EXPECT_FALSE(decode(image).defects.has(DefectKind::duplicate));
    EXPECT_TRUE(decode(two).defects.has(DefectKind::duplicate)) << "firmware takes the boot record in sector 17";
    // Without ER, GRUB goes by the plain names.
    image = good;
    const std::string text(reinterpret_cast<const char*>(image.data()), image.size());
    image[text.find("RRIP_1991A") - 8] = 'X';
    EXPECT_TRUE(decode(image).defects.has(DefectKind::unknown));
    EXPECT_FALSE(decode(image).rock_ridge);
}

TEST(Iso, EveryByteIsDescribed) {
    const auto good = test::make_iso(test::make_kernel(), {1, 2, 3});
    EXPECT_TRUE(decode(good).defects.empty());
    // The system area, between descriptors and root, behind a directory's records, behind the last file.
    for (const std::size_t at :
         {std::size_t{600}, std::size_t{2048}, std::size_t{19 * 2048}, std::size_t{21 * 2048 - 1}, good.size() - 1}) {
        auto image = good;
        image[at] = 1;
        EXPECT_TRUE(decode(image).defects.has(DefectKind::stray_bytes)) << at;
    }
    auto longer = good;
    longer.resize(good.size() + 2048);
    EXPECT_TRUE(decode(longer).defects.empty());
    longer.back() = 1;
    EXPECT_TRUE(decode(longer).defects.has(DefectKind::stray_bytes));
}

// A second reader's opinion: an image that xorriso made.
TEST(Iso, ReadsWhatXorrisoWrites) {
    if (std::system("command -v xorriso >/dev/null 2>&1") != 0) {
        GTEST_SKIP() << "xorriso is not installed";
    }
    namespace fs = std::filesystem;
    const fs::path folder = fs::path(testing::TempDir()) / ("septum-iso-" + std::to_string(::getpid()));
    fs::create_directories(folder / "tree/boot/grub/a-very-long-directory-name-that-needs-rock-ridge");
    const auto write = [&](const char* name, std::size_t size, char c) {
        std::ofstream(folder / "tree" / name, std::ios::binary) << std::string(size, c);
    };
    write("boot/septum.elf", 5000, 'k');
    write("boot/appliance.sep", 100'000, 'b');
    write("boot/grub/a-very-long-directory-name-that-needs-rock-ridge/and a file.with many.dots and spaces", 3, 'x');
    write("empty", 0, 'e');
    for (unsigned i = 0; i < 100; ++i) { // more than one directory sector
        write(("boot/grub/module-" + std::to_string(i) + ".mod").c_str(), i, 'm');
    }
    const fs::path image = folder / "x.iso";
    const std::string command = "xorriso -as mkisofs -quiet -R -V TEST_VOLUME -o '" + image.string() + "' '" +
                                (folder / "tree").string() + "' >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0);
    std::ifstream in(image, std::ios::binary);
    const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(in), {}};
    const Iso iso = decode(bytes);
    EXPECT_EQ(iso.volume, "TEST_VOLUME");
    EXPECT_TRUE(iso.rock_ridge);
    EXPECT_TRUE(iso.defects.empty()) << (iso.defects.kept().empty() ? "" : iso.defects.kept()[0].what);
    EXPECT_EQ(iso.files.size(), 104U);
    std::size_t same = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder / "tree")) {
        if (!entry.is_regular_file()) {
            continue;
        }
        const IsoFile* file = iso.find("/" + fs::relative(entry.path(), folder / "tree").string());
        ASSERT_NE(file, nullptr) << entry.path();
        std::ifstream original(entry.path(), std::ios::binary);
        const std::vector<std::uint8_t> expected{std::istreambuf_iterator<char>(original), {}};
        const ByteSpan found = iso.contents(*file);
        same += std::equal(expected.begin(), expected.end(), found.begin(), found.end()) ? 1U : 0U;
    }
    EXPECT_EQ(same, 104U);
    fs::remove_all(folder);
}

} // namespace
} // namespace septum::verifier::decode
