// SPDX-License-Identifier: Apache-2.0
#include "cli/console.hpp"
#include "cli/session.hpp"

#include <gtest/gtest.h>

namespace septum::cli {
namespace {

using Lines = std::vector<std::string>;

TEST(LineReader, JoinsPieces) {
    LineReader reader;
    EXPECT_EQ(reader.feed("[left] o"), Lines{});
    EXPECT_EQ(reader.feed("ne\r\n[right] two\nthr"), (Lines{"[left] one", "[right] two"}));
    EXPECT_EQ(reader.rest(), "thr");
    EXPECT_EQ(reader.rest(), "");
}

TEST(LineReader, LeavesOutWhatATerminalWouldObey) {
    LineReader reader;
    EXPECT_EQ(reader.feed("\x1b[2J\x1b[01;01Ha\x1b[=3hb\x07\x7f\tc\n"), Lines{"ab\tc"});
    EXPECT_EQ(reader.feed("\x1b"), Lines{});
    EXPECT_EQ(reader.feed("[3"), Lines{});
    EXPECT_EQ(reader.feed("1mred\n"), Lines{"red"}); // a sequence in pieces
    EXPECT_EQ(reader.feed("\xc3\xa4\n"), Lines{"\xc3\xa4"});
}

TEST(LineReader, CutsALineThatNeverEnds) {
    LineReader reader;
    const auto lines = reader.feed(std::string(10'000, 'x'));
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].size(), 4096U);
    EXPECT_EQ(reader.rest().size(), 10'000U - 2 * 4096);
}

TEST(Speaker, IsANameInBracketsInFront) {
    EXPECT_EQ(speaker("[vault] ready"), "vault");
    EXPECT_EQ(speaker("[a-1]x"), "a-1");
    EXPECT_EQ(speaker("vault] ready"), "");
    EXPECT_EQ(speaker("[] ready"), "");
    EXPECT_EQ(speaker("[    0.000000] Linux"), "");
    EXPECT_EQ(speaker("[vault"), "");
    EXPECT_EQ(speaker(""), "");
}

TEST(Painter, GivesEachSpeakerOneColour) {
    Painter painter(true);
    const auto left = painter.paint("[left] a");
    EXPECT_EQ(left, "\x1b[36m[left]\x1b[0m a");
    EXPECT_EQ(painter.paint("[right] a"), "\x1b[33m[right]\x1b[0m a");
    EXPECT_EQ(painter.paint("[left] a"), left);
    EXPECT_EQ(painter.paint("septum: x"), "\x1b[1mseptum: x\x1b[0m");
    EXPECT_EQ(painter.paint(""), "");
    for (int i = 0; i < 100; i++)
        EXPECT_NE(painter.paint("[p" + std::to_string(i) + "] a").find("] a"), 0U);
    EXPECT_EQ(Painter(false).paint("[left] a"), "[left] a");
}

TEST(Expectations, AreSeenInAnyOrder) {
    Expectations expectations({"two", "one", "three"});
    expectations.see("[left] one and three");
    EXPECT_EQ(expectations.missing(), Lines{"two"});
    expectations.see("[left] tw");
    expectations.see("o");
    EXPECT_EQ(expectations.missing(), Lines{"two"}); // within one line only
    expectations.see("two");
    EXPECT_TRUE(expectations.missing().empty());
}

TEST(Expectations, AreRegularExpressionsBetweenSlashes) {
    Expectations expectations({"/^\\[left\\] [0-9]+ of 200$/", "/", "//", "/usr/bin", "a/b/"});
    expectations.see("x [left] 10 of 200");
    expectations.see("[left] many of 200");
    EXPECT_EQ(expectations.missing(), (Lines{"/^\\[left\\] [0-9]+ of 200$/", "/", "//", "/usr/bin", "a/b/"}));
    expectations.see("[left] 10 of 200");
    EXPECT_EQ(expectations.missing(), (Lines{"/", "//", "/usr/bin", "a/b/"}));
    expectations.see("//"); // too short for one between slashes
    EXPECT_EQ(expectations.missing(), (Lines{"/usr/bin", "a/b/"}));
    expectations.see("/usr/bin a/b/");
    EXPECT_TRUE(expectations.missing().empty());
    EXPECT_TRUE(Pattern("[a").error().empty()); // a text
    EXPECT_FALSE(Pattern("/[a/").error().empty());
}

TEST(Progress, EndsWhenEveryPartitionHasStopped) {
    Progress progress;
    EXPECT_FALSE(progress.all_stopped());
    progress.see("septum: two on qemu-q35, 2 partitions, 4 CPUs");
    progress.see("septum: left: launched, 1 cpu, 16 MiB");
    progress.see("septum: left: stopped");
    EXPECT_FALSE(progress.all_stopped()); // the other one's lines are still on their way
    progress.see("septum: right: launched, 2 cpus, 16 MiB");
    progress.see("septum: right: fault: stopped working");
    EXPECT_FALSE(progress.all_stopped());
    progress.see("[right] septum: right: stopped");
    EXPECT_FALSE(progress.all_stopped());
    progress.see("septum: right: stopped: no restart left");
    EXPECT_TRUE(progress.all_stopped());
    EXPECT_FALSE(progress.refused());
    EXPECT_FALSE(progress.halted());
}

TEST(Progress, HearsTheKernelOnly) {
    Progress progress;
    progress.see("[left] septum: refused: no");
    progress.see("refused: no");
    EXPECT_FALSE(progress.refused());
    progress.see("septum: refused: apic id 3: expected no CPU, found one (code 0x51)");
    EXPECT_TRUE(progress.refused());
    progress.see("septum: halted: by policy");
    EXPECT_TRUE(progress.halted());
}

} // namespace
} // namespace septum::cli
