// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/grub_config.hpp"

#include <gtest/gtest.h>

namespace septum::verifier::decode {
namespace {

GrubConfig parse(std::string_view text) {
    return decode_grub_config({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

TEST(GrubConfig, ReadsOurs) {
    const GrubConfig c = parse("set timeout=0\nmultiboot2 /boot/septum.elf\nmodule2 /boot/appliance.sep\nboot\n");
    EXPECT_TRUE(c.defects.empty());
    EXPECT_TRUE(c.boots);
    ASSERT_EQ(c.kernels.size(), 1U);
    EXPECT_EQ(c.kernels[0].words, (std::vector<std::string>{"multiboot2", "/boot/septum.elf"}));
    EXPECT_EQ(c.kernels[0].line, 2U);
    ASSERT_EQ(c.modules.size(), 1U);
    EXPECT_EQ(c.modules[0].words[1], "/boot/appliance.sep");
    EXPECT_EQ(c.commands.size(), 4U);
}

TEST(GrubConfig, ListsEveryModule) {
    const GrubConfig c = parse("multiboot2 /k\nmodule2 /a\nmodule2 /b x y\nboot");
    EXPECT_EQ(c.modules.size(), 2U);
    EXPECT_TRUE(c.defects.empty());
    EXPECT_TRUE(c.boots);
}

TEST(GrubConfig, DistrustsWhatItDoesNotKnow) {
    for (const char* text :
         {"configfile /evil.cfg\nboot", "set root=hd1\nboot", "multiboot2 $k\nboot", "insmod x\nboot",
          "if true; then\nboot\nfi", "multiboot2\nboot", "set timeout=x\nboot", "boot now", "multiboot2 \"/a b\"\nboot",
          "multiboot2 /a\\\n b\nboot", "linux /vmlinuz\nboot", "multiboot2 (hd0)/k\nboot", "multiboot2 /k\r\nboot"}) {
        EXPECT_FALSE(parse(text).defects.empty()) << text;
    }
}

TEST(GrubConfig, CommentsAndBlanksSayNothing) {
    EXPECT_TRUE(parse("# a comment with $strange (things)\n\n \tboot\n").defects.empty());
    EXPECT_FALSE(parse("multiboot2 /k\n").boots);
    EXPECT_FALSE(parse("").boots);
}

TEST(GrubConfig, HugeFileIsRefused) {
    EXPECT_TRUE(parse(std::string(1 << 20, 'a')).defects.has(DefectKind::too_much));
}

} // namespace
} // namespace septum::verifier::decode
