// SPDX-License-Identifier: Apache-2.0
// Counting what several processes found: nothing missing, cut short or too small passes for enough.
#include "tests/mutation/tally.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace septum::mutation {

namespace {

Areas enough() {
    return {
        {"nested tables", {1200, 900, 900, 700}}, {"port maps", {200, 150, 150, 100}}, {kModelArea, {31, 31, 31, 0}}};
}

TEST(Tally, OfSeveralFilesIsTheirSum) {
    const std::string path = testing::TempDir() + "septum-tally";
    Tally tally;
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(write({{"x2apic", enough()}}, path));
        ASSERT_TRUE(add(tally, path));
    }
    ASSERT_EQ(tally.size(), 1U);
    const Count& tables = tally["x2apic"]["nested tables"];
    EXPECT_EQ(tables.made, 2400U);
    EXPECT_EQ(tables.effective, 1800U);
    EXPECT_EQ(tables.killed, 1800U);
    EXPECT_EQ(tables.witnesses, 1400U);
}

TEST(Tally, IsReadWholeOrNotAtAll) {
    const std::string path = testing::TempDir() + "septum-tally-cut";
    Tally tally;
    std::remove(path.c_str());
    EXPECT_FALSE(add(tally, path));
    std::ofstream(path) << "x2apic\tport maps\t10 9 9 5\n"; // and no end
    EXPECT_FALSE(add(tally, path));
    std::ofstream(path) << "x2apic port maps ten\nend\n";
    EXPECT_FALSE(add(tally, path));
}

TEST(Tally, SaysWhatIsWanting) {
    EXPECT_EQ(wanting(Machine::x2apic, enough()), "");
    Areas few = enough();
    few["nested tables"] = {1200, 849, 849, 700};
    EXPECT_EQ(wanting(Machine::x2apic, few), "x2apic: all areas: 999 effective mutants, expected at least 1000\n");
    EXPECT_EQ(wanting(Machine::xapic, few), "");
    Areas survived = enough();
    survived["port maps"].killed = 149;
    EXPECT_EQ(wanting(Machine::x2apic, survived), "x2apic: port maps: 1 effective mutants survived\n"
                                                  "x2apic: all areas: 1 effective mutants survived\n");
    Areas none = enough();
    none["rules"] = {6, 0, 0, 0};
    EXPECT_EQ(wanting(Machine::x2apic, none), "x2apic: rules: 0 effective mutants, expected at least 1\n");
    Areas blind = enough();
    blind["nested tables"].witnesses = 0;
    blind["port maps"].witnesses = 0;
    EXPECT_EQ(wanting(Machine::x2apic, blind), "x2apic: no witness named a place of a grant\n");
    Areas no_models = enough();
    no_models.erase(kModelArea);
    EXPECT_EQ(wanting(Machine::vt_d, no_models), "vt_d: model: 0 effective mutants, expected at least 15\n");
}

TEST(Shard, TakesEachMutantOnce) {
    const std::optional<Shard> second = read_shard("2/4");
    ASSERT_TRUE(second.has_value());
    EXPECT_FALSE(second->has(4));
    EXPECT_TRUE(second->has(5));
    EXPECT_TRUE(Shard{}.has(7));
    for (const char* const wrong : {"", "2", "0/4", "5/4", "1/", "/4", "a/4", "1/4 ", "-1/4"}) {
        EXPECT_FALSE(read_shard(wrong).has_value()) << wrong;
    }
}

} // namespace

} // namespace septum::mutation
