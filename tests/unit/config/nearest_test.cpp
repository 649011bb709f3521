// SPDX-License-Identifier: Apache-2.0
#include "config/source.hpp"

#include <gtest/gtest.h>

namespace septum::config {
namespace {

const std::vector<std::string_view> kKeys{"cpus", "memory", "boot", "console", "on_fault", "ports", "devices"};

TEST(Nearest, FindsTypingErrors) {
    EXPECT_EQ(nearest("memroy", kKeys), "memory");  // neighbours swapped
    EXPECT_EQ(nearest("consle", kKeys), "console"); // one left out
    EXPECT_EQ(nearest("portss", kKeys), "ports");   // one too many
    EXPECT_EQ(nearest("bood", kKeys), "boot");      // one wrong
    EXPECT_EQ(nearest("Memory", kKeys), "memory");  // case
    EXPECT_EQ(nearest("on-fault", kKeys), "on_fault");
}

TEST(Nearest, SaysNothingWhenNothingIsNear) {
    EXPECT_EQ(nearest("colour", kKeys), "");
    EXPECT_EQ(nearest("", kKeys), "");
    EXPECT_EQ(nearest("x", {"a", "b"}), "");
    EXPECT_EQ(nearest("memory", {}), "");
    EXPECT_EQ(nearest(std::string(100'000, 'm'), kKeys), "");
}

TEST(Nearest, PrefersTheNearestThenTheFirst) {
    EXPECT_EQ(nearest("gatewy", {"gateways", "gateway"}), "gateway");
    EXPECT_EQ(nearest("cpu1", {"cpu0", "cpu2"}), "cpu0");
}

} // namespace
} // namespace septum::config
