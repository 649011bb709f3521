// SPDX-License-Identifier: Apache-2.0
// The payloads as they are shipped.
#include "partitions/vault/key.hpp"

#include <septum/guest/board.hpp>

#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace septum {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in) << path;
    return {std::istreambuf_iterator<char>(in), {}};
}

bool holds_key(const std::string& bytes) {
    const std::string key(reinterpret_cast<const char*>(vault::kKey), sizeof(vault::kKey));
    return bytes.find(key) != std::string::npos || bytes.find(key.substr(0, 8)) != std::string::npos;
}

TEST(Payloads, OnlyTheVaultHoldsTheKey) {
    EXPECT_TRUE(holds_key(read_file(SEPTUM_VAULT)));
    EXPECT_FALSE(holds_key(read_file(SEPTUM_GATEWAY)));
    EXPECT_FALSE(holds_key(read_file(SEPTUM_GATEWAY_LINUX)));
    EXPECT_FALSE(holds_key(read_file(SEPTUM_ATTACKER)));
}

class Native : public testing::TestWithParam<const char*> {};

TEST_P(Native, IsAStaticElfThatTheBoardCanLoad) {
    const std::string bytes = read_file(GetParam());
    ASSERT_GE(bytes.size(), sizeof(Elf64_Ehdr));
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    ASSERT_EQ(std::memcmp(header.e_ident, ELFMAG, SELFMAG), 0);
    EXPECT_EQ(header.e_type, ET_EXEC);
    EXPECT_EQ(header.e_machine, EM_X86_64);
    ASSERT_EQ(header.e_phentsize, sizeof(Elf64_Phdr));
    bool entry_inside = false;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment;
        ASSERT_LE(header.e_phoff + (i + 1U) * sizeof(segment), bytes.size());
        std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof(segment), sizeof(segment));
        EXPECT_NE(segment.p_type, PT_INTERP + 0U);
        EXPECT_NE(segment.p_type, PT_DYNAMIC + 0U);
        if (segment.p_type != PT_LOAD) {
            continue;
        }
        EXPECT_EQ(segment.p_paddr, segment.p_vaddr);
        EXPECT_EQ(segment.p_vaddr % kPageSize, 0U);
        EXPECT_GE(segment.p_paddr, guest::kNativeLoadBase);
        EXPECT_LE(segment.p_paddr + segment.p_memsz, 2 * kMiB) << "fits the smallest partition";
        EXPECT_NE(segment.p_flags & (PF_W | PF_X), PF_W | PF_X + 0U);
        entry_inside = entry_inside || ((segment.p_flags & PF_X) != 0 && header.e_entry >= segment.p_vaddr &&
                                        header.e_entry < segment.p_vaddr + segment.p_filesz);
    }
    EXPECT_TRUE(entry_inside);
}

INSTANTIATE_TEST_SUITE_P(All, Native,
                         testing::Values(SEPTUM_HELLO, SEPTUM_VAULT, SEPTUM_GATEWAY, SEPTUM_ATTACKER, SEPTUM_BENCH));

} // namespace
} // namespace septum
