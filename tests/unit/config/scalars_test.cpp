// SPDX-License-Identifier: Apache-2.0
// Sizes, addresses, numbers and ports: what they mean and where their limits are.
#include "config/scalars.hpp"

#include "config/show.hpp"
#include "config/text.hpp"

#include <gtest/gtest.h>

namespace septum::config {
namespace {

template <typename Reader>
auto read_scalar(const std::string& yaml, Reader reader) {
    Diagnostics diagnostics;
    const std::string text = "key: " + yaml;
    const LineIndex lines(text, 0);
    const std::optional<Node> root = parse_yaml(lines, diagnostics);
    auto value = reader(root->items.at(0), diagnostics);
    EXPECT_EQ(value.has_value(), !diagnostics.any_error()) << yaml;
    EXPECT_LE(diagnostics.size(), 1U) << yaml;
    return value;
}

std::optional<std::uint64_t> size(const std::string& yaml) {
    return read_scalar(yaml, [](const Node& n, Diagnostics& d) { return read_size(n, "key", d); });
}
std::optional<std::uint64_t> address(const std::string& yaml) {
    return read_scalar(yaml, [](const Node& n, Diagnostics& d) { return read_address(n, "key", d); });
}
std::optional<std::uint64_t> integer(const std::string& yaml, std::uint64_t low, std::uint64_t high) {
    return read_scalar(yaml, [&](const Node& n, Diagnostics& d) { return read_integer(n, "key", low, high, d); });
}
std::optional<std::pair<int, int>> ports(const std::string& yaml) {
    const auto range = read_scalar(yaml, [](const Node& n, Diagnostics& d) { return read_ports(n, "key", d); });
    return range ? std::optional(std::pair<int, int>(range->first, range->last)) : std::nullopt;
}

TEST(Size, CountsInPowersOfTwo) {
    EXPECT_EQ(size("4 KiB"), 4096U);
    EXPECT_EQ(size("64 MiB"), 64ULL << 20);
    EXPECT_EQ(size("3GiB"), 3ULL << 30);
    EXPECT_EQ(size("'1 GiB'"), 1ULL << 30);
    EXPECT_EQ(size("1_024 KiB"), 1ULL << 20);
    EXPECT_EQ(size("0 KiB"), 0U);
}

TEST(Size, RefusesWhatIsNoSize) {
    for (const char* text : {"64", "64 MB", "64 mib", "64 M", "1.5 GiB", "-1 MiB", "MiB", "64  MiB", "64 MiB MiB",
                             "_1 KiB", "1__0 KiB", "0x40 MiB", "[1 MiB]", "{}", "''", "+1 MiB", "64 MiB!"})
        EXPECT_EQ(size(text), std::nullopt) << text;
}

TEST(Size, StaysBelow52Bits) {
    EXPECT_EQ(size("4194303 GiB"), 4194303ULL << 30);
    EXPECT_EQ(size("4194304 GiB"), std::nullopt);
    EXPECT_EQ(size("4398046511104 KiB"), std::nullopt);
    EXPECT_EQ(size("18446744073709551615 KiB"), std::nullopt);
    EXPECT_EQ(size("18446744073709551616 KiB"), std::nullopt);
    EXPECT_EQ(size("99999999999999999999999999 GiB"), std::nullopt);
}

TEST(Address, IsHexadecimalOrHasAUnit) {
    EXPECT_EQ(address("0x4000_0000"), 0x40000000U);
    EXPECT_EQ(address("0xFED90000"), 0xFED90000U);
    EXPECT_EQ(address("0X10"), 0x10U);
    EXPECT_EQ(address("0x0"), 0U);
    EXPECT_EQ(address("1 GiB"), 1ULL << 30);
    EXPECT_EQ(address("0xf_ffff_ffff_ffff"), (1ULL << 52) - 1);
}

TEST(Address, RefusesTheRest) {
    for (const char* text : {"4096", "0", "0x", "0x_1", "0x1_", "0xg", "40000000h", "0x10_0000_0000_0000", "0x1 GiB",
                             "GiB", "0xffff_ffff_ffff_ffff_ffff", "[]", "1.5 GiB", "-0x1"})
        EXPECT_EQ(address(text), std::nullopt) << text;
}

TEST(Integer, HasBounds) {
    EXPECT_EQ(integer("1", 1, 64), 1U);
    EXPECT_EQ(integer("64", 1, 64), 64U);
    EXPECT_EQ(integer("0x40", 1, 64), 64U);
    EXPECT_EQ(integer("18446744073709551615", 0, ~0ULL), ~0ULL);
    for (const char* text : {"0", "65", "-1", "1.0", "'1'", "one", "1e1", "18446744073709551616", "true", "[1]"})
        EXPECT_EQ(integer(text, 1, 64), std::nullopt) << text;
}

TEST(Ports, AreOneOrARange) {
    EXPECT_EQ(ports("0x2f8"), std::pair(0x2F8, 0x2F8));
    EXPECT_EQ(ports("0x2f8-0x2ff"), std::pair(0x2F8, 0x2FF));
    EXPECT_EQ(ports("0x0-0xffff"), std::pair(0, 0xFFFF));
    for (const char* text :
         {"760", "0x2f8-", "-0x2f8", "0x2f8-0x2ff-0x300", "0x10000", "0x2-0x1", "0x2f8 - 0x2ff", "[]"})
        EXPECT_EQ(ports(text), std::nullopt) << text;
}

TEST(ShowAddress, GroupsItsDigits) {
    EXPECT_EQ(show_address(0), "0x0");
    EXPECT_EQ(show_address(0xF000), "0xf000");
    EXPECT_EQ(show_address(0xFED9'0000), "0xfed9_0000");
    EXPECT_EQ(show_address(0x1'0000'0000), "0x1_0000_0000");
}

TEST(ShowSize, PicksTheLargestWholeUnit) {
    EXPECT_EQ(show_size(4096), "4 KiB");
    EXPECT_EQ(show_size(3ULL << 20), "3 MiB");
    EXPECT_EQ(show_size(1ULL << 30), "1 GiB");
    EXPECT_EQ(show_size(1025), "1025 bytes");
    EXPECT_EQ(show_size(0), "0 bytes");
}

} // namespace
} // namespace septum::config
