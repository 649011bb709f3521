// SPDX-License-Identifier: Apache-2.0
#include "cli/files.hpp"

#include "cli/digest.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "files-test-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { fs::remove_all(folder_); }

    static std::string text(const fs::path& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static void put(const fs::path& file, const std::string& what) { std::ofstream(file, std::ios::binary) << what; }
    [[nodiscard]] std::size_t count() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
    }

    fs::path folder_;
};

TEST_F(FilesTest, DigestsPieceByPiece) {
    const std::string what(1'000'003, 'x');
    put(folder_ / "large", what);
    put(folder_ / "empty", "");
    put(folder_ / "abc", "abc");
    EXPECT_EQ(sha256_of_file(folder_ / "large"), sha256(bytes_of(what)));
    EXPECT_EQ(sha256_of_file(folder_ / "empty"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_of_file(folder_ / "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_of_file(folder_ / "none"), "");
    EXPECT_EQ(sha256_of_file(folder_), "");
}

TEST_F(FilesTest, ReadsWhole) {
    const std::string what = std::string(200'000, 'x') + '\0' + "end";
    put(folder_ / "a", what);
    const auto bytes = read_file(folder_ / "a");
    ASSERT_TRUE(bytes.ok());
    EXPECT_EQ(std::string(bytes.value->begin(), bytes.value->end()), what);
    put(folder_ / "empty", "");
    EXPECT_TRUE(read_file(folder_ / "empty").value->empty());
}

TEST_F(FilesTest, SaysWhyNot) {
    const auto missing = read_file(folder_ / "a");
    ASSERT_EQ(missing.diagnostics.size(), 1U);
    EXPECT_EQ(missing.diagnostics[0].message,
              "cannot read `" + (folder_ / "a").string() + "`: no such file or directory");
    EXPECT_EQ(read_file(folder_).diagnostics[0].message, "cannot read `" + folder_.string() + "`: is a directory");
    EXPECT_EQ(check_readable(folder_).size(), 1U);
}

TEST_F(FilesTest, ReadsNoFurtherThanItMust) {
    EXPECT_EQ(read_file("/dev/zero").diagnostics[0].message,
              "cannot read `/dev/zero`: it is no regular file and gives more than 16 MiB");
    EXPECT_TRUE(read_file("/dev/null").value->empty());
    const fs::path huge = folder_ / "huge";
    put(huge, "x");
    ASSERT_EQ(::truncate(huge.c_str(), 1LL << 40), 0); // holes
    EXPECT_EQ(read_file(huge).diagnostics[0].message,
              "cannot read `" + huge.string() + "`: it is larger than 4 GiB, the most that an image may be");
}

TEST_F(FilesTest, WaitsForNobody) {
    const fs::path pipe = folder_ / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_TRUE(read_file(pipe).value->empty()); // nobody writes to it
    const int fd = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(read_file(pipe).diagnostics[0].message,
              "cannot read `" + pipe.string() + "`: it is no regular file and gives nothing for 8 seconds");
    ASSERT_EQ(::write(fd, "text", 4), 4);
    ::close(fd);
}

TEST_F(FilesTest, NothingIsThereBeforeCommit) {
    const fs::path file = folder_ / "a";
    {
        auto pending = PendingFile::make(file);
        ASSERT_TRUE(pending.ok());
        EXPECT_FALSE(fs::exists(file));
    }
    EXPECT_EQ(count(), 0U);
    auto pending = PendingFile::make(file);
    ASSERT_TRUE(pending.ok());
    EXPECT_TRUE(pending.value->commit(std::string("text")).empty());
    EXPECT_EQ(text(file), "text");
    EXPECT_EQ(count(), 1U);
    struct stat st = {};
    ASSERT_EQ(::stat(file.c_str(), &st), 0);
    const mode_t mask = ::umask(0);
    ::umask(mask);
    EXPECT_EQ(st.st_mode & 0777U, 0666U & ~mask);
}

TEST_F(FilesTest, WhatWasThereStaysUntilCommit) {
    const fs::path file = folder_ / "a";
    put(file, "old");
    {
        auto pending = PendingFile::make(file);
        ASSERT_TRUE(pending.ok());
    }
    EXPECT_EQ(text(file), "old");
    auto pending = PendingFile::make(file);
    EXPECT_TRUE(pending.value->commit(std::string("new")).empty());
    EXPECT_EQ(text(file), "new");
}

TEST_F(FilesTest, FollowsASymbolicLink) {
    put(folder_ / "real", "old");
    fs::create_symlink("real", folder_ / "link");
    auto pending = PendingFile::make(folder_ / "link");
    ASSERT_TRUE(pending.ok());
    EXPECT_TRUE(pending.value->commit(std::string("new")).empty());
    EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
    EXPECT_EQ(text(folder_ / "real"), "new");
}

TEST_F(FilesTest, ADeviceStaysADevice) {
    auto pending = PendingFile::make("/dev/null");
    ASSERT_TRUE(pending.ok());
    EXPECT_TRUE(pending.value->commit(std::string("text")).empty());
    EXPECT_TRUE(fs::is_character_file("/dev/null"));
    auto full = PendingFile::make("/dev/full");
    ASSERT_TRUE(full.ok());
    EXPECT_EQ(full.value->commit(std::string("text")).front().message,
              "cannot write `/dev/full`: no space left on device");
}

TEST_F(FilesTest, NoPlaceToWrite) {
    EXPECT_FALSE(PendingFile::make(folder_ / "nowhere" / "a").ok());
    EXPECT_FALSE(PendingFile::make(folder_).ok());
    EXPECT_FALSE(PendingFile::make("").ok());
}

} // namespace
} // namespace septum::cli
