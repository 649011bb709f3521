// SPDX-License-Identifier: Apache-2.0
// The form of a message.
#include "config/source.hpp"

#include <gtest/gtest.h>

namespace septum::config {
namespace {

const char* const kText = "septum: 1\n"                    // 1
                          "name: demo\n"                   // 2
                          "partitions:\n"                  // 3
                          "  gateway:\n"                   // 4
                          "    base: 0x4000_0000\n"        // 5
                          "    memory: 4 MiB\n"            // 6
                          "\tboot: x\n"                    // 7
                          "  größe: ü\n"                   // 8
                          "\n"                             // 9
                          "    base: 0x4020_0000  # 10\n"; // 10

Sources sources() {
    return {{{"gateway.yaml", kText}, {"boards/q35.yaml", "name: q35\ncpus: 4\n"}}};
}

Diagnostic overlap() {
    Diagnostic d;
    d.id = "mem.disjoint";
    d.message = "`vault` and `gateway` both own 0x40200000..0x40400000";
    d.primary = {0, 10, 11, 10, 22};
    d.label = "overlaps by 2 MiB";
    d.related = {{{0, 5, 11, 5, 22}, "`gateway` owns 0x40000000..0x40400000"}};
    d.notes = {"witness: host-physical 0x40200000"};
    d.help = "declare a channel between them, or leave `base` out and let the planner place it";
    return d;
}

TEST(Render, TheWholeForm) {
    EXPECT_EQ(render(overlap(), sources(), false),
              "error[mem.disjoint]: `vault` and `gateway` both own 0x40200000..0x40400000\n"
              "  --> gateway.yaml:10:11\n"
              "   |\n"
              " 5 |     base: 0x4000_0000\n"
              "   |           ----------- `gateway` owns 0x40000000..0x40400000\n"
              "10 |     base: 0x4020_0000  # 10\n"
              "   |           ^^^^^^^^^^^ overlaps by 2 MiB\n"
              "   |\n"
              "   = note: witness: host-physical 0x40200000\n"
              "help: declare a channel between them, or leave `base` out and let the planner place it\n");
}

TEST(Render, ShortIsOneLine) {
    EXPECT_EQ(render_short(overlap(), sources()),
              "gateway.yaml:10:11: error[mem.disjoint]: `vault` and `gateway` both own 0x40200000..0x40400000\n");
}

TEST(Render, WithoutAPlace) {
    Diagnostic d;
    d.severity = Severity::warning;
    d.id = "file.missing";
    d.message = "cannot read it";
    d.notes = {"a fact"};
    EXPECT_EQ(render(d, sources(), false), "warning[file.missing]: cannot read it\n  = note: a fact\n");
    EXPECT_EQ(render_short(d, sources()), "warning[file.missing]: cannot read it\n");
    d.primary = {7, 1, 1, 1, 2}; // a file that is not there is no place either
    EXPECT_EQ(render_short(d, sources()), "warning[file.missing]: cannot read it\n");
}

TEST(Render, SeveralFiles) {
    Diagnostic d;
    d.severity = Severity::note;
    d.id = "x.y";
    d.message = "m";
    d.primary = {1, 2, 7, 2, 8};
    d.label = "four";
    d.related = {{{0, 10, 5, 10, 9}, "here"}, {{1, 1, 7, 1, 10}, "this board"}};
    EXPECT_EQ(render(d, sources(), false), "note[x.y]: m\n"
                                           "  --> boards/q35.yaml:2:7\n"
                                           "   |\n"
                                           " 1 | name: q35\n"
                                           "   |       --- this board\n"
                                           " 2 | cpus: 4\n"
                                           "   |       ^ four\n"
                                           "  ::: gateway.yaml:10:5\n"
                                           "   |\n"
                                           "10 |     base: 0x4020_0000  # 10\n"
                                           "   |     ---- here\n");
}

TEST(Render, TabsAndUtf8AlignByWhatIsSeen) {
    Diagnostic d;
    d.id = "x.y";
    d.message = "m";
    d.primary = {0, 7, 2, 7, 6};
    d.related = {{{0, 8, 12, 8, 14}, "one letter"}};
    EXPECT_EQ(render(d, sources(), false), "error[x.y]: m\n"
                                           " --> gateway.yaml:7:2\n"
                                           "  |\n"
                                           "7 |     boot: x\n"
                                           "  |     ^^^^\n"
                                           "8 |   größe: ü\n"
                                           "  |          - one letter\n");
}

TEST(Render, OneLineForEachMarkOfALine) {
    Diagnostic d;
    d.id = "x.y";
    d.message = "m";
    d.primary = {0, 1, 9, 1, 10};
    d.label = "second";
    d.related = {{{0, 1, 1, 1, 7}, "first"}};
    EXPECT_EQ(render(d, sources(), false), "error[x.y]: m\n"
                                           " --> gateway.yaml:1:9\n"
                                           "  |\n"
                                           "1 | septum: 1\n"
                                           "  | ------ first\n"
                                           "  |         ^ second\n");
}

TEST(Render, ManyLinesAreShownByTheFirst) {
    Diagnostic d;
    d.id = "x.y";
    d.message = "m";
    d.primary = {0, 4, 3, 6, 18};
    EXPECT_EQ(render(d, sources(), false), "error[x.y]: m\n"
                                           " --> gateway.yaml:4:3\n"
                                           "  |\n"
                                           "4 |   gateway:\n"
                                           "  |   ^^^^^^^^\n");
}

TEST(Render, PlacesOutsideTheTextAreHarmless) {
    for (const Span span : {Span{0, 9, 1, 9, 1}, Span{0, 99, 5, 99, 9}, Span{0, 2, 500, 2, 400}, Span{0, 1, 0, 1, 0}}) {
        Diagnostic d = overlap();
        d.primary = span;
        EXPECT_NE(render(d, sources(), false).find('^'), std::string::npos);
    }
}

TEST(Render, NothingOfTheSourceReachesTheTerminalAsControl) {
    const Sources hostile{{{"x.yaml", "a: \x1b[2Jb\xff\x07\xc2\x9b"}}};
    Diagnostic d;
    d.id = "x.y";
    d.message = "m";
    d.primary = {0, 1, 4, 1, 5};
    const std::string out = render(d, hostile, false);
    EXPECT_EQ(out.find('\x1b'), std::string::npos);
    EXPECT_EQ(out.find('\x07'), std::string::npos);
    EXPECT_EQ(out.find('\xff'), std::string::npos);
    EXPECT_EQ(out.find("\xc2\x9b"), std::string::npos);
}

TEST(Render, VeryLongLinesAreCut) {
    const Sources wide{{{"x.yaml", std::string(100'000, 'a') + "bc" + std::string(100'000, 'd')}}};
    Diagnostic d;
    d.id = "x.y";
    d.message = "m";
    d.primary = {0, 1, 100'001, 1, 100'003};
    const std::string out = render(d, wide, false);
    EXPECT_LT(out.size(), 1000U);
    const std::size_t line = out.find("\n1 | ") + 5;
    const std::size_t marks = out.find("\n  | ", line) + 5;
    const std::size_t extra = std::string("…").size() - 1; // the sign is one column and three bytes
    EXPECT_EQ(out.find("bc", line) - line - extra, out.find("^^", marks) - marks);
}

TEST(Render, ColoursGoAroundTheSameText) {
    std::string coloured = render(overlap(), sources(), true);
    EXPECT_NE(coloured.find("\x1b[1;31merror"), std::string::npos);
    std::string plain;
    for (std::size_t i = 0; i < coloured.size(); ++i) {
        if (coloured[i] == '\x1b')
            i = coloured.find('m', i);
        else
            plain += coloured[i];
    }
    EXPECT_EQ(plain, render(overlap(), sources(), false));
}

} // namespace
} // namespace septum::config
