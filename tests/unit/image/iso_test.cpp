// SPDX-License-Identifier: Apache-2.0
#include "build/image/iso.hpp"
#include "tiny_kernel.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace septum::build {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;
using testing::tiny_kernel;

// A temporary folder that make_iso() is told to use, so that we see what it leaves behind.
class ImageTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "image-test-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        set("TMPDIR", folder_);
    }
    void TearDown() override {
        std::reverse(saved_.begin(), saved_.end()); // a name may have been set twice
        for (const auto& [name, value] : saved_)
            value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
        fs::remove_all(folder_);
    }
    void set(const std::string& name, const std::string& value) {
        const char* old = std::getenv(name.c_str());
        saved_.emplace_back(name, old != nullptr ? std::optional<std::string>(old) : std::nullopt);
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    Bytes make(const IsoOptions& options) {
        auto iso = make_iso(tiny_kernel(), bundle_, options);
        for (const auto& d : iso.diagnostics)
            ADD_FAILURE() << d.message;
        return iso.value.value_or(Bytes{});
    }

    fs::path folder_;
    Bytes bundle_ = Bytes(10'000, 0x5A);
    std::vector<std::pair<std::string, std::optional<std::string>>> saved_;
};

std::size_t find(const Bytes& in, const Bytes& what) {
    const auto text = [](const Bytes& bytes) {
        return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    return std::min(text(in).find(text(what)), in.size());
}

bool contains(const Bytes& in, const std::string& what) {
    return find(in, Bytes(what.begin(), what.end())) < in.size();
}

TEST_F(ImageTest, SameBytesAtAnotherTimeInAnotherPlace) {
    const Bytes first = make({.volume = "gateway"});
    std::this_thread::sleep_for(std::chrono::milliseconds(2100)); // FAT times count in steps of two seconds
    const fs::path other = folder_ / "somewhere" / "else";
    fs::create_directories(other);
    set("TMPDIR", other);
    set("HOME", "/nonexistent");
    set("TZ", "Asia/Tokyo");
    set("LC_ALL", "C.UTF-8");
    set("SOURCE_DATE_EPOCH", "12345");
    const mode_t mask = ::umask(077);
    const Bytes second = make({.volume = "gateway"});
    ::umask(mask);
    EXPECT_FALSE(first.empty());
    EXPECT_TRUE(first == second);
}

TEST_F(ImageTest, AnotherContentIsAnotherVolume) {
    const Bytes first = make({.volume = "gateway"});
    bundle_[0] ^= 1;
    const Bytes second = make({.volume = "gateway"});
    constexpr std::size_t kModificationDate = 16 * 2048 + 830; // ECMA-119 §8.4, in the primary volume descriptor
    ASSERT_GT(std::min(first.size(), second.size()), kModificationDate + 17);
    EXPECT_NE(0, std::memcmp(&first[kModificationDate], &second[kModificationDate], 16));
}

TEST_F(ImageTest, FilesAreContiguousAndNamedByRockRidge) {
    const Bytes iso = make({.volume = "gateway"});
    for (const Bytes& file : {tiny_kernel(), bundle_}) {
        const auto at = find(iso, file);
        ASSERT_LT(at, iso.size());
        EXPECT_EQ(at % 2048, 0U);
    }
    EXPECT_TRUE(contains(iso, "set timeout=0\nmultiboot2 /boot/septum.elf\nmodule2 /boot/appliance.sep\nboot\n"));
    for (const std::string name : {"boot", "grub", "grub.cfg", "septum.elf", "appliance.sep"}) {
        // Rock Ridge 4.1.4: `NM`, length, version 1, no flags, the name.
        const auto length = static_cast<char>(5 + name.size());
        EXPECT_TRUE(contains(iso, std::string("NM") + length + '\1' + '\0' + name)) << name;
    }
    EXPECT_TRUE(contains(iso, "GATEWAY"));
}

TEST_F(ImageTest, EfiPartCanBeLeftOut) {
    const Bytes without = make({.volume = "gateway", .uefi = false});
    EXPECT_FALSE(without.empty());
    EXPECT_LT(without.size(), make({.volume = "gateway"}).size());
    EXPECT_FALSE(contains(without, "BOOTX64 EFI"));
}

TEST_F(ImageTest, AnEmptyOrLongNameStillMakesAVolume) {
    EXPECT_TRUE(contains(make({.volume = ""}), "SEPTUM"));
    EXPECT_TRUE(contains(make({.volume = std::string(40, 'a')}), std::string(32, 'A')));
}

TEST_F(ImageTest, LeavesNothingBehind) {
    make({.volume = "gateway"});
    EXPECT_TRUE(fs::is_empty(folder_));
}

// A PATH with some tools only: the one that is missing is named with its package, and nothing is left behind.
TEST_F(ImageTest, AMissingToolIsNamedWithItsPackage) {
    const fs::path tools = folder_ / "bin";
    fs::create_directory(tools);
    set("TMPDIR", folder_ / "tmp");
    fs::create_directory(folder_ / "tmp");
    set("PATH", tools);
    const std::pair<const char*, const char*> order[] = {{"grub-mkimage", "grub-common"},
                                                         {"mformat", "mtools"},
                                                         {"mmd", "mtools"},
                                                         {"mcopy", "mtools"},
                                                         {"xorriso", "xorriso"}};
    for (const auto& [tool, package] : order) {
        const auto iso = make_iso(tiny_kernel(), bundle_, {.volume = "gateway"});
        ASSERT_FALSE(iso.ok()) << tool;
        ASSERT_EQ(iso.diagnostics.size(), 1U);
        EXPECT_EQ(iso.diagnostics[0].id, "build.tool-missing");
        EXPECT_EQ(iso.diagnostics[0].message, "`" + std::string(tool) + "` is needed and not installed");
        EXPECT_EQ(iso.diagnostics[0].help, "install it: `apt install " + std::string(package) + "`");
        EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
        fs::create_symlink(fs::path("/usr/bin") / tool, tools / tool);
    }
}

TEST_F(ImageTest, AFailingToolIsReportedWithWhatItSaid) {
    const fs::path tools = folder_ / "bin";
    fs::create_directory(tools);
    set("TMPDIR", folder_ / "tmp");
    fs::create_directory(folder_ / "tmp");
    for (const char* tool : {"grub-mkimage", "mformat", "mmd", "mcopy"})
        fs::create_symlink(fs::path("/usr/bin") / tool, tools / tool);
    FILE* script = std::fopen((tools / "xorriso").c_str(), "w");
    ASSERT_NE(script, nullptr);
    std::fputs("#!/bin/sh\necho no space for this >&2\nexit 5\n", script);
    std::fclose(script);
    fs::permissions(tools / "xorriso", fs::perms::owner_all);
    set("PATH", tools);
    const auto iso = make_iso(tiny_kernel(), bundle_, {.volume = "gateway"});
    ASSERT_FALSE(iso.ok());
    ASSERT_EQ(iso.diagnostics.size(), 1U);
    EXPECT_EQ(iso.diagnostics[0].message, "`xorriso` failed with exit code 5");
    EXPECT_EQ(iso.diagnostics[0].notes, std::vector<std::string>{"no space for this"});
    EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(ImageTest, NoPlaceForTemporaryFiles) {
    set("TMPDIR", folder_ / "nowhere");
    const auto iso = make_iso(tiny_kernel(), bundle_, {.volume = "gateway"});
    ASSERT_FALSE(iso.ok());
    ASSERT_EQ(iso.diagnostics.size(), 1U);
    EXPECT_EQ(iso.diagnostics[0].id, "build.scratch");
    EXPECT_EQ(iso.diagnostics[0].message,
              "cannot make a temporary folder in `" + (folder_ / "nowhere").string() + "`: no such file or directory");
}

} // namespace
} // namespace septum::build
