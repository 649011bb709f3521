// SPDX-License-Identifier: Apache-2.0
#include "cli/record.hpp"
#include "cli/view.hpp"

#include <gtest/gtest.h>

namespace septum::cli {
namespace {

View plain(std::size_t width = 40) {
    return View(Painter(false), width);
}

TEST(View, AllInOneStream) {
    View view = plain();
    EXPECT_EQ(view.show("septum: up"), "septum: up\n");
    EXPECT_EQ(view.show("[vault] ready"), "[vault] ready\n");
    EXPECT_EQ(view.show(""), "\n");
}

TEST(View, OneAtATimeWithItsPast) {
    View view = plain();
    (void)view.show("septum: up");
    (void)view.show("[vault] ready");
    (void)view.show("[gateway] hello");
    EXPECT_EQ(view.key('2'), "-- console of vault --\n[vault] ready\n");
    EXPECT_EQ(view.show("[gateway] more"), "");
    EXPECT_EQ(view.show("[vault] again"), "[vault] again\n");
    EXPECT_EQ(view.key('1'), "-- console of septum --\nseptum: up\n");
    EXPECT_EQ(view.key('3'), "-- console of gateway --\n[gateway] hello\n[gateway] more\n");
    EXPECT_EQ(view.key('0'), "-- all consoles --\n");
    EXPECT_EQ(view.show("[vault] x"), "[vault] x\n");
    EXPECT_EQ(view.key('?'), "-- keys: 0 all consoles, c side by side, 1 septum, 2 vault, 3 gateway, q ends --\n");
}

TEST(View, KeysOfNobodyDoNothing) {
    View view = plain();
    for (const char key : {'2', '9', 'x', ' ', '\0', '\x1b'})
        EXPECT_EQ(view.key(key), "") << key;
    EXPECT_EQ(view.show("[a] b"), "[a] b\n");
}

TEST(View, SideBySide) {
    View view = plain(31);
    EXPECT_EQ(view.choose("columns"), "septum\n-------------------------------\n");
    EXPECT_EQ(view.show("septum: up"), "up\n");
    EXPECT_EQ(view.show("[vault] ready"), "septum         | vault\n-------------------------------\n"
                                          "               | ready\n");
    EXPECT_EQ(view.show("septum: 0123456789abcdef"), "0123456789abcd |\nef             |\n");
    EXPECT_EQ(view.show("[vault] größer als"), "               | größer als\n");
}

TEST(View, AColumnIsNeverTooNarrow) {
    View view = plain(20);
    (void)view.choose("columns");
    for (int i = 0; i < 64; i++)
        (void)view.show("[p" + std::to_string(i) + "] x");
    EXPECT_FALSE(view.show("[p1] 0123456789").empty());
}

TEST(View, KeepsSoManyLines) {
    View view = plain();
    for (int i = 0; i < 1000; i++)
        (void)view.show("[a] " + std::to_string(i));
    const std::string past = view.choose("a");
    EXPECT_EQ(std::count(past.begin(), past.end(), '\n'), 201);
    EXPECT_NE(past.find("[a] 999\n"), std::string::npos);
}

TEST(Recording, IsAnAsciicast) {
    Recording recording(80);
    recording.add(0.5, "a \"b\"\n");
    recording.add(1.25, "\xff\x1b[1m");
    EXPECT_EQ(recording.text(), "{\"version\": 2, \"width\": 80, \"height\": 40}\n"
                                "[0.500000, \"o\", \"a \\\"b\\\"\\r\\n\"]\n"
                                "[1.250000, \"o\", \"\xEF\xBF\xBD\\u001b[1m\"]\n");
}

} // namespace
} // namespace septum::cli
