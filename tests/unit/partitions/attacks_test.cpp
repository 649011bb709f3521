// SPDX-License-Identifier: Apache-2.0
// The list of attacks is well made, and the document is made of it.
#include "partitions/attacker/list.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace septum::attacker {
namespace {

TEST(Attacks, AreAtLeastSixtyEachWithItsName) {
    std::set<std::string> ids;
    for (const auto& each : list()) {
        EXPECT_TRUE(ids.insert(each.id).second) << each.id << " is there twice";
    }
    EXPECT_GE(ids.size(), 60U);
}

TEST(Attacks, StateAnExpectationThatCanFail) {
    for (const auto& each : list()) {
        const bool ends = each.expect == "stopped" || each.expect == "either";
        EXPECT_EQ(ends, !each.words.empty())
            << each.id << ": words of the kernel's line go with `stopped` and `either`";
        EXPECT_TRUE(ends || each.expect == "harmless" || each.expect == "restarted") << each.id;
        EXPECT_GE(each.lives, 1U) << each.id;
        EXPECT_FALSE(each.what.empty()) << each.id;
        EXPECT_EQ(each.what.find('|'), std::string_view::npos) << each.id << ": a table's cell ends there";
    }
}

// The attacker finds an area in its partition's name, where `-` joins several.
TEST(Attacks, AreasAreWordsThatAPartitionsNameCanHave) {
    std::set<std::string_view> closed;
    std::string_view area;
    for (const auto& each : list()) {
        EXPECT_EQ(each.area.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), std::string_view::npos) << each.area;
        if (each.area != area) {
            EXPECT_TRUE(closed.insert(each.area).second) << each.area << " is in two places";
            area = each.area;
        }
    }
}

TEST(Attacks, AreInTheDocument) {
    std::ifstream in(std::string(SEPTUM_SOURCE_DIR) + "/docs/attacks.md", std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    EXPECT_EQ(text.str(), document()) << "write it anew: septum-attacks > docs/attacks.md";
}

} // namespace
} // namespace septum::attacker
