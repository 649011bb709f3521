// SPDX-License-Identifier: Apache-2.0
// FIPS 180-4's own examples, and every way of cutting a message into pieces.
#include "kernel/lifecycle/sha256.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace septum::kernel {
namespace {

std::string hex(const manifest::Digest& digest) {
    std::string text;
    for (const u8 byte : digest.bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

// Both ways of doing it, where this machine has both.
std::string hash(std::string_view message) {
    Sha256 portable(false);
    portable.update(message.data(), message.size());
    std::string digest = hex(portable.finish());
    if (Sha256::has_instructions()) {
        Sha256 fast(true);
        fast.update(message.data(), message.size());
        EXPECT_EQ(hex(fast.finish()), digest);
    }
    return digest;
}

TEST(Sha256, KnownMessages) {
    EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(
        hash("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
             "nopqrstu"),
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
}

TEST(Sha256, AMillionLetters) {
    EXPECT_EQ(hash(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesDoNotMatter) {
    std::string message;
    for (int i = 0; i < 300; i++) {
        message += static_cast<char>(i * 7);
    }
    for (size_t size = 0; size <= message.size(); size += 13) {
        const std::string_view part(message.data(), size);
        const std::string whole = hash(part);
        for (size_t piece = 1; piece < 140; piece++) {
            Sha256 sha;
            for (size_t at = 0; at < size; at += piece) {
                const std::string_view next = part.substr(at, piece);
                sha.update(next.data(), next.size());
            }
            ASSERT_EQ(hex(sha.finish()), whole) << size << " bytes in pieces of " << piece;
        }
    }
}

// The padding has two shapes, depending on whether the length still fits into the last block.
TEST(Sha256, AroundTheBlockBoundary) {
    EXPECT_EQ(hash(std::string(55, 'x')), "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072");
    EXPECT_EQ(hash(std::string(56, 'x')), "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e");
    EXPECT_EQ(hash(std::string(63, 'x')), "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2");
    EXPECT_EQ(hash(std::string(64, 'x')), "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c");
}

} // namespace
} // namespace septum::kernel
