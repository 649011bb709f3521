// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/line.hpp>

#include <gtest/gtest.h>

#include <string>

namespace septum::guest {
namespace {

template <typename... Parts>
std::string text(const Parts&... parts) {
    Line line;
    line.add(parts...).end();
    return {line.data(), line.size()};
}

TEST(Line, JoinsItsPartsAndEnds) {
    EXPECT_EQ(text("vault: ", u64{100}, " answers, ", -7, 'x'), "vault: 100 answers, -7x\n");
}

TEST(Line, WritesNumbersAtTheirLimits) {
    EXPECT_EQ(text(u64{0}), "0\n");
    EXPECT_EQ(text(~u64{0}), "18446744073709551615\n");
    EXPECT_EQ(text(-2147483647 - 1), "-2147483648\n");
}

TEST(Line, WritesHexWithAsManyDigitsAsAsked) {
    EXPECT_EQ(text(Hex{0}), "0x0\n");
    EXPECT_EQ(text(Hex{0xC001'0117}), "0xc0010117\n");
    EXPECT_EQ(text(Hex{0x3F8, 4}), "0x03f8\n");
    EXPECT_EQ(text(Hex{~u64{0}}), "0xffffffffffffffff\n");
}

TEST(Line, CutsOffWhatDoesNotFitButStillEnds) {
    const std::string longer(2 * Line::kCapacity, 'a');
    const std::string said = text(longer.c_str(), u64{12345});
    EXPECT_EQ(said.size(), Line::kCapacity);
    EXPECT_EQ(said, std::string(Line::kCapacity - 1, 'a') + "\n");
}

} // namespace
} // namespace septum::guest
