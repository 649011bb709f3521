// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/linux_params.hpp"

#include "memory.hpp"

#include <cstring>

namespace septum::verifier::decode {
namespace {

using test::put;

constexpr std::uint64_t kZeroPage = 0x1000;

std::vector<std::uint8_t> low_memory() {
    std::vector<std::uint8_t> m(0x4000, 0);
    const auto at = [&](std::uint64_t offset, std::uint64_t value, unsigned size) {
        put(m, kZeroPage + offset, value, size);
    };
    at(0x070, 0xE0000, 8);
    at(0x1E8, 2, 1);
    at(0x1FE, 0xAA55, 2);
    std::memcpy(m.data() + kZeroPage + 0x202, "HdrS", 4);
    at(0x206, 0x020F, 2);
    at(0x210, 0xFF, 1);
    at(0x211, 1, 1);
    at(0x218, 0x0F00'0000, 4);
    at(0x0C0, 1, 4);
    at(0x21C, 0x1234, 4);
    at(0x228, 0x2000, 4);
    at(0x236, 1, 2);
    at(0x238, 2047, 4);
    at(0x258, 0x100'0000, 8);
    at(0x260, 0x300'0000, 4);
    at(0x2D0, 0, 8);
    at(0x2D8, 0xE0000, 8);
    at(0x2E0, 1, 4);
    at(0x2E4, 0x10'0000, 8);
    at(0x2EC, 0xFF0'0000, 8);
    at(0x2F4, 1, 4);
    std::memcpy(m.data() + 0x2000, "console=ttyS0 quiet", 19);
    return m;
}

TEST(LinuxParams, ReadsTheZeroPage) {
    const auto bytes = low_memory();
    const GuestMemory memory({{0, bytes}});
    const auto p = decode_linux_params(memory, kZeroPage, "zero page");
    ASSERT_TRUE(p.ok());
    EXPECT_EQ(p.value->e820, (std::vector<E820Entry>{{0, 0xE0000, 1}, {0x10'0000, 0xFF0'0000, 1}}));
    EXPECT_EQ(p.value->version, 0x020F);
    EXPECT_EQ(p.value->type_of_loader, 0xFF);
    EXPECT_EQ(p.value->loadflags, 1);
    EXPECT_EQ(p.value->ramdisk, 0x1'0F00'0000U);
    EXPECT_EQ(p.value->ramdisk_size, 0x1234U);
    EXPECT_EQ(p.value->cmdline, "console=ttyS0 quiet");
    EXPECT_TRUE(p.value->cmdline_terminated);
    EXPECT_EQ(p.value->pref_address, 0x100'0000U);
    EXPECT_EQ(p.value->acpi_rsdp, 0xE0000U);
    EXPECT_TRUE(p.value->defects.empty());
}

TEST(LinuxParams, EndlessCommandLine) {
    auto bytes = low_memory();
    put(bytes, kZeroPage + 0x238, 9, 4);
    const auto p = decode_linux_params(GuestMemory({{0, bytes}}), kZeroPage, "zero page");
    EXPECT_FALSE(p.value->cmdline_terminated);
    EXPECT_EQ(p.value->cmdline, "console=tt"); // the limit leaves the terminating zero out
    put(bytes, kZeroPage + 0x238, 0xFFFF'FFFF, 4);
    EXPECT_TRUE(decode_linux_params(GuestMemory({{0, bytes}}), kZeroPage, "zero page").ok());
}

TEST(LinuxParams, RefusesAPageWithoutHeader) {
    const auto p = decode_linux_params(GuestMemory({}), kZeroPage, "zero page");
    ASSERT_FALSE(p.ok());
    EXPECT_EQ(p.diagnostics.at(0).message,
              "zero page: no linux setup header at 0x1000: expected \"HdrS\" (0x53726448), found 0x0");
    EXPECT_FALSE(decode_linux_params(GuestMemory({}), ~0ULL, "zero page").ok());
}

TEST(LinuxParams, TooManyEntries) {
    auto bytes = low_memory();
    put(bytes, kZeroPage + 0x1E8, 200, 1);
    const auto p = decode_linux_params(GuestMemory({{0, bytes}}), kZeroPage, "zero page");
    EXPECT_EQ(p.value->e820.size(), 128U);
    EXPECT_TRUE(p.value->defects.has(DefectKind::out_of_range));
}

} // namespace
} // namespace septum::verifier::decode
