// SPDX-License-Identifier: Apache-2.0
// PVH start info and Multiboot information, made by hand.
#include "verifier/decode/boot_info.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace septum::verifier::decode {
namespace {

constexpr std::uint64_t kAt = 0x1'0000;

struct Page {
    std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(0x1000, 0);

    void put(std::uint64_t offset, std::uint64_t value, std::size_t size) {
        std::memcpy(bytes.data() + offset, &value, size); // the test's machine is little-endian
    }
    void put(std::uint64_t offset, const char* text) {
        std::memcpy(bytes.data() + offset, text, std::strlen(text) + 1);
    }
    [[nodiscard]] GuestMemory memory() const { return GuestMemory({{kAt, bytes}}); }
};

Page make_pvh() {
    Page page;
    page.put(0, 0x336E'C578, 4);
    page.put(4, 1, 4);
    page.put(12, 1, 4);
    page.put(16, kAt + 0x100, 8);
    page.put(24, kAt + 0x200, 8);
    page.put(32, 0xE'0000, 8);
    page.put(40, kAt + 0x300, 8);
    page.put(48, 2, 4);
    page.put(0x100, 0x70'0000, 8);
    page.put(0x108, 0x1234, 8);
    page.put(0x200, "quiet");
    page.put(0x308, 0xA'0000, 8);
    page.put(0x310, 1, 4);
    page.put(0x318, 0x10'0000, 8);
    page.put(0x320, 0x700'0000, 8);
    page.put(0x328, 1, 4);
    return page;
}

Page make_multiboot() {
    Page page;
    page.put(0, 1U << 2 | 1U << 3 | 1U << 6, 4);
    page.put(16, kAt + 0x200, 4);
    page.put(20, 1, 4);
    page.put(24, kAt + 0x100, 4);
    page.put(44, 24 + 28, 4); // the second entry says that it is longer
    page.put(48, kAt + 0x300, 4);
    page.put(0x100, 0x70'0000, 4);
    page.put(0x104, 0x70'1234, 4);
    page.put(0x200, "quiet");
    page.put(0x300, 20, 4);
    page.put(0x30C, 0xA'0000, 8);
    page.put(0x314, 1, 4);
    page.put(0x318, 24, 4);
    page.put(0x31C, 0x10'0000, 8);
    page.put(0x324, 0x700'0000, 8);
    page.put(0x32C, 1, 4);
    return page;
}

void expect_same(const BootInfo& info) {
    EXPECT_EQ(info.defects.total(), 0U);
    EXPECT_EQ(info.cmdline, "quiet");
    EXPECT_TRUE(info.cmdline_terminated);
    ASSERT_EQ(info.modules.size(), 1U);
    EXPECT_EQ(info.modules[0].base, 0x70'0000U);
    EXPECT_EQ(info.modules[0].size, 0x1234U);
    const std::vector<BootMapEntry> map{{0, 0xA'0000, 1}, {0x10'0000, 0x700'0000, 1}};
    EXPECT_EQ(info.map, map);
}

TEST(BootInfo, Pvh) {
    const Page page = make_pvh();
    const auto outcome = decode_pvh_info(page.memory(), kAt, "start info");
    ASSERT_TRUE(outcome.ok());
    expect_same(*outcome.value);
    EXPECT_EQ(outcome.value->rsdp, 0xE'0000U);
}

TEST(BootInfo, Multiboot) {
    const Page page = make_multiboot();
    const auto outcome = decode_multiboot_info(page.memory(), kAt, "information");
    ASSERT_TRUE(outcome.ok());
    expect_same(*outcome.value);
}

TEST(BootInfo, IsNotFollowedWhereItLies) {
    const auto pvh = [](std::uint64_t offset, std::uint64_t value, std::size_t size) {
        Page page = make_pvh();
        page.put(offset, value, size);
        return decode_pvh_info(page.memory(), kAt, "start info");
    };
    EXPECT_FALSE(pvh(0, 0, 4).ok());
    EXPECT_EQ(pvh(4, 0, 4).value->defects.total(), 1U);
    EXPECT_EQ(pvh(8, 1, 4).value->defects.total(), 1U);
    EXPECT_EQ(pvh(12, 0xFFFF'FFFF, 4).value->defects.total(), 1U);
    EXPECT_EQ(pvh(48, 0xFFFF'FFFF, 4).value->defects.total(), 1U);
    EXPECT_GE(pvh(40, ~0ULL - 8, 8).value->defects.total(), 1U);
    const auto multiboot = [](std::uint64_t offset, std::uint64_t value, std::size_t size) {
        Page page = make_multiboot();
        page.put(offset, value, size);
        return decode_multiboot_info(page.memory(), kAt, "information");
    };
    EXPECT_FALSE(multiboot(0, 1, 4).ok());
    EXPECT_EQ(multiboot(20, 1000, 4).value->defects.total(), 1U);
    EXPECT_EQ(multiboot(44, 0xFFFF'FFFF, 4).value->defects.total(), 1U);
    EXPECT_EQ(multiboot(0x300, 0, 4).value->defects.total(), 1U);
    EXPECT_EQ(multiboot(0x300, 0xFFFF'FFFF, 4).value->defects.total(), 1U);
    EXPECT_EQ(multiboot(0x104, 0, 4).value->defects.total(), 1U);
    EXPECT_EQ(multiboot(44, 25, 4).value->defects.total(), 1U); // a rest too short for an entry
}

} // namespace
} // namespace septum::verifier::decode
