// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/lzma.hpp"

#include <gtest/gtest.h>

namespace septum::verifier::decode {
namespace {

// The text of plain(), packed by liblzma 5.4 (`xz --format=raw --lzma1=lc=3,lp=0,pb=2`).
constexpr std::uint8_t kPacked[] = {
    0x00, 0x39, 0x99, 0x4A, 0x68, 0x23, 0xCE, 0x06, 0x0C, 0x94, 0xAC, 0x85, 0xE6, 0xCB, 0x6A, 0x78, 0x00, 0x35, 0x20,
    0xB9, 0x11, 0xE1, 0xC9, 0x83, 0x00, 0x89, 0x63, 0xD5, 0xC8, 0x7B, 0x74, 0x58, 0x7F, 0x9A, 0x10, 0xEC, 0x60, 0x10,
    0xA4, 0x2D, 0x31, 0xD6, 0xEC, 0xCE, 0x83, 0x0A, 0xCC, 0x96, 0xED, 0xEA, 0x29, 0xF6, 0x98, 0x66, 0x90, 0x32, 0x7E,
    0x1C, 0xB3, 0xD2, 0x37, 0x4B, 0xFF, 0x75, 0x65, 0xD1, 0x19, 0x45, 0xE5, 0xE7, 0xD7, 0xBB, 0x03, 0x87, 0x9C, 0xC4,
    0xE1, 0x89, 0x4F, 0xE4, 0xBD, 0x48, 0xF3, 0xD3, 0x32, 0x4A, 0x3B, 0x07, 0x57, 0x53, 0xFC, 0xA9, 0x00, 0x01, 0x0E,
    0x8B, 0x7B, 0x62, 0x61, 0x6D, 0xCA, 0x50, 0x6B, 0xE1, 0x64, 0xDC, 0xBF, 0xF9, 0x11, 0x83, 0x91, 0x6A, 0x52, 0x86,
    0x9C, 0x20, 0x3F, 0x0B, 0xAB, 0x05, 0x2C, 0xF7, 0x86, 0xC6, 0xBF, 0xFF, 0xF1, 0x90, 0xC0, 0x18,
};

std::string plain() {
    std::string text = "septum: the quick brown fox; the quick brown fox again; " + std::string(44, 'a') + "; ";
    for (int round = 0; round < 3; ++round) {
        for (char c = 0; c < 64; ++c) {
            text += c;
        }
    }
    return text + "the quick brown dog" + std::string(600, 'x') + "brown fox";
}

TEST(Lzma, UnpacksWhatAnotherPacked) {
    const std::string expected = plain();
    const auto out = decode_lzma(kPacked, expected.size());
    ASSERT_TRUE(out.has_value());
    EXPECT_EQ(std::string(out->begin(), out->end()), expected);
}

TEST(Lzma, AShorterPartIsTheBeginning) {
    const auto out = decode_lzma(kPacked, 20);
    ASSERT_TRUE(out.has_value());
    EXPECT_EQ(std::string(out->begin(), out->end()), plain().substr(0, 20));
}

TEST(Lzma, NeverMoreThanThereIs) {
    EXPECT_FALSE(decode_lzma(kPacked, 100'000).has_value());
    EXPECT_FALSE(decode_lzma({}, 1).has_value());
    EXPECT_FALSE(decode_lzma(ByteSpan(kPacked).first(20), plain().size()).has_value());
    std::uint8_t other[sizeof kPacked];
    std::copy(std::begin(kPacked), std::end(kPacked), other);
    other[0] = 1; // the range coder's first byte is zero
    EXPECT_FALSE(decode_lzma(other, 10).has_value());
}

TEST(Lzma, AnyBytesEnd) {
    std::uint32_t state = 1;
    for (int i = 0; i < 300; ++i) {
        std::vector<std::uint8_t> bytes(std::begin(kPacked), std::end(kPacked));
        for (int change = 0; change < 4; ++change) {
            state = state * 1664525 + 1013904223;
            bytes[1 + (state >> 8) % (bytes.size() - 1)] = static_cast<std::uint8_t>(state >> 24);
        }
        const auto out = decode_lzma(bytes, 922);
        EXPECT_TRUE(!out || out->size() == 922);
    }
}

} // namespace
} // namespace septum::verifier::decode
