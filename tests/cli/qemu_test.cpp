// SPDX-License-Identifier: Apache-2.0
#include "cli/number.hpp"
#include "cli/qemu.hpp"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

namespace septum::cli {
namespace {

config::Board board(const std::string& name, const std::string& minimum) {
    config::Board b;
    b.name.value = name;
    b.cpus.resize(2);
    b.has_qemu = true;
    b.qemu.machine = "q35";
    b.qemu.cpu = "max";
    b.qemu.memory_mib = 512;
    b.qemu.devices = {"intel-iommu"};
    b.qemu.minimum_version = minimum;
    return b;
}

TEST(QemuVersion, ReadsTheFirstTwoNumbers) {
    EXPECT_EQ(parse_version("10.0.2 (Debian 1:10.0.2+ds-1)"), (Version{10, 0}));
    EXPECT_EQ(parse_version("7.2"), (Version{7, 2}));
    EXPECT_EQ(parse_version("7"), std::nullopt);
    EXPECT_EQ(parse_version("x.2"), std::nullopt);
    EXPECT_EQ(parse_version(""), std::nullopt);
    EXPECT_LT((Version{9, 2}), (Version{10, 0}));
}

TEST(CheckQemu, NamesABoardThatTheOlderOneCanBe) {
    const auto usual = board("new", "9.0");
    EXPECT_TRUE(check_qemu(usual, {9, 0}, {}).empty());
    EXPECT_TRUE(check_qemu(board("any", ""), {1, 0}, {}).empty());
    const auto old = check_qemu(usual, {8, 2}, {usual, board("later", "11.0"), board("old", "7.2")});
    ASSERT_EQ(old.size(), 1U);
    EXPECT_EQ(old[0].message, "board `new` needs qemu 9.0 or later, found 8.2");
    EXPECT_NE(old[0].help.find("`--board old`"), std::string::npos);
    EXPECT_EQ(check_qemu(usual, {8, 2}, {usual})[0].help.find("--board"), std::string::npos);
}

TEST(QemuCommand, IsWhatTheBoardSays) {
    const auto command = qemu_command(board("b", ""), "/q", "/a,b.iso", {});
    ASSERT_TRUE(command.ok());
    EXPECT_EQ(quoted(*command.value), "/q -M q35 -accel tcg -cpu max -smp 2 -m 512 -nodefaults -vga none -display none "
                                      "-no-reboot -device intel-iommu "
                                      "-serial stdio -drive media=cdrom,format=raw,readonly=on,file=/a,,b.iso");
    auto real = board("b", "");
    real.has_qemu = false;
    EXPECT_FALSE(qemu_command(real, "/q", "/a.iso", {}).ok());
}

TEST(QemuCommand, GivesDisksAndNetworks) {
    auto b = board("b", "");
    b.qemu.disks.push_back({"disk0", 2});
    b.qemu.networks.emplace_back("net0");
    QemuOptions options;
    options.disks = "/d";
    const std::string line = quoted(*qemu_command(b, "/q", "/a.iso", options).value);
    EXPECT_NE(line.find("-drive if=none,id=disk0,format=raw,file=/d/b.disk0.img "
                        "-netdev user,id=net0,restrict=on,guestfwd=tcp:10.0.2.100:7-cmd:cat -device intel-iommu"),
              std::string::npos)
        << line;
}

TEST(QemuDisks, AreMadeOnceAndKept) {
    auto b = board("b", "");
    b.qemu.disks.push_back({"disk0", 2});
    QemuOptions options;
    options.disks = std::filesystem::temp_directory_path() / ("septum-disks-" + std::to_string(::getpid()));
    std::filesystem::create_directory(options.disks);
    const auto file = disk_file(b, b.qemu.disks[0], options);
    EXPECT_TRUE(make_disks(b, options).empty());
    EXPECT_EQ(std::filesystem::file_size(file), 2U << 20U);
    std::filesystem::resize_file(file, 5);
    EXPECT_TRUE(make_disks(b, options).empty());
    EXPECT_EQ(std::filesystem::file_size(file), 5U);
    std::filesystem::remove_all(options.disks);
    const auto failed = make_disks(b, options);
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_NE(failed[0].message.find("b.disk0.img"), std::string::npos);
}

TEST(Quoted, SurvivesAShell) {
    EXPECT_EQ(quoted({"a", "", "b c", "it's", "$x"}), "a '' 'b c' 'it'\\''s' '$x'");
}

TEST(Number, HexAndDecimalWithUnderscores) {
    EXPECT_EQ(parse_number("0x4020_0000"), 0x4020'0000U);
    EXPECT_EQ(parse_number("0XfF"), 255U);
    EXPECT_EQ(parse_number("1_000"), 1000U);
    EXPECT_EQ(parse_number("0xffffffffffffffff"), ~0ULL);
    for (const char* bad :
         {"", "0x", "_1", "1_", "1__0", "0x_1", "0x1_0000_0000_0000_0000", "12a", "-1", "+1", " 1", "1 "})
        EXPECT_EQ(parse_number(bad), std::nullopt) << bad;
}

} // namespace
} // namespace septum::cli
