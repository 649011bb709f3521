// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/elf.hpp"

#include "world.hpp"

namespace septum::verifier::decode {
namespace {

using test::put;

TEST(Elf, ReadsSegments) {
    const auto file = test::make_kernel();
    const auto elf = decode_elf(file);
    ASSERT_TRUE(elf.ok());
    EXPECT_EQ(elf.value->entry, 0x20'0000U);
    ASSERT_EQ(elf.value->segments.size(), 3U);
    EXPECT_EQ(elf.value->segments[0].flags & 7, kElfRead | kElfExecute);
    EXPECT_EQ(elf.value->segments[1].memory_size, 0x2000U);
    EXPECT_EQ(elf.value->segments[1].file_size, 0x10U);
    EXPECT_TRUE(elf.value->segments[2].boot_only);
    EXPECT_TRUE(elf.value->defects.empty());
}

TEST(Elf, RefusesWhatItIsNot) {
    const auto good = test::make_kernel();
    const auto with = [&](std::uint64_t at, std::uint64_t value, unsigned size) {
        auto file = good;
        put(file, at, value, size);
        return decode_elf(file);
    };
    EXPECT_FALSE(decode_elf({}).ok());
    EXPECT_FALSE(decode_elf(ByteSpan(good).first(63)).ok());
    EXPECT_FALSE(with(0, 0, 1).ok());
    EXPECT_FALSE(with(4, 1, 1).ok());      // 32 bits
    EXPECT_FALSE(with(16, 3, 2).ok());     // shared object
    EXPECT_FALSE(with(18, 183, 2).ok());   // AArch64
    EXPECT_FALSE(with(32, ~0ULL, 8).ok()); // program headers beyond the file
    EXPECT_FALSE(with(54, 32, 2).ok());
    EXPECT_FALSE(with(56, 0xFFFF, 2).ok());
    EXPECT_FALSE(with(64 + 32, ~0ULL, 8).ok());    // p_filesz
    EXPECT_FALSE(with(64 + 8, ~0ULL - 8, 8).ok()); // p_offset wraps
    const auto message = decode_elf(ByteSpan(good).first(63)).diagnostics.at(0);
    EXPECT_EQ(message.message, "the kernel is cut short: an ELF header takes 64 bytes, found 63");
}

TEST(Elf, RecordsWhatCannotBeLoaded) {
    auto file = test::make_kernel();
    put(file, 64 + 40, 1, 8); // p_memsz < p_filesz
    EXPECT_TRUE(decode_elf(file).value->defects.has(DefectKind::wrong_value));
    file = test::make_kernel();
    put(file, 64 + 24, ~0ULL - 8, 8); // p_paddr wraps
    EXPECT_TRUE(decode_elf(file).value->defects.has(DefectKind::out_of_range));
    file = test::make_kernel();
    put(file, 64 + 56 + 24, 0x20'0000, 8); // over the first segment
    EXPECT_TRUE(decode_elf(file).value->defects.has(DefectKind::overlap));
}

} // namespace
} // namespace septum::verifier::decode
