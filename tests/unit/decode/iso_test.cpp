// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/iso.hpp"

#include "world.hpp"

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
    const std::uint64_t boot = 21 * 2048;
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
    const std::uint64_t boot = 21 * 2048;
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
