// SPDX-License-Identifier: Apache-2.0
// `septum fmt`: what it changes, what it leaves, and that a second time changes nothing.
#include "config/format.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace septum::config {
namespace {

namespace fs = std::filesystem;

Outcome<std::string> formatted(const std::string& text) {
    Sources sources;
    sources.files.push_back({"x.yaml", text});
    return format_yaml(sources);
}

void expect(const std::string& text, const std::string& wanted) {
    const auto once = formatted(text);
    ASSERT_TRUE(once.ok()) << text << (once.diagnostics.empty() ? "" : once.diagnostics[0].message);
    EXPECT_EQ(*once.value, wanted);
    const auto twice = formatted(*once.value);
    ASSERT_TRUE(twice.ok());
    EXPECT_EQ(*twice.value, *once.value) << "not idempotent";
}

TEST(Format, Indents) {
    expect("a:\n    b:\n          c: 1\n    d:\n    - 1\n    - e: 2\n      f: 3\n",
           "a:\n  b:\n    c: 1\n  d:\n    - 1\n    - e: 2\n      f: 3\n");
    expect("a:\n-   b: 1\n    c:\n      - 2\n", "a:\n  - b: 1\n    c:\n      - 2\n");
    expect("- - a\n  - b\n-   -   c\n", "- - a\n  - b\n- - c\n");
}

TEST(Format, SpacesInsideALine) {
    expect("a:    {b:1 : 2 ,c:   [1,2 ,  3 ] }\n", "a: {b:1: 2, c: [1, 2, 3]}\n");
    expect("a :  b   \n", "a: b\n");
    expect("a: { }\nb: [  ]\n", "a: {}\nb: []\n");
}

TEST(Format, LeavesScalars) {
    expect("a: \"x   # {y:  z}\"\nb: 'it''s  - so'\nc: plain   words,  yes\n",
           "a: \"x   # {y:  z}\"\nb: 'it''s  - so'\nc: plain   words,  yes\n");
    expect("a: 0x4000_0000\nb: \"0x4000_0000\"\nc: -5\nd: [-1, 2]\n",
           "a: 0x4000_0000\nb: \"0x4000_0000\"\nc: -5\nd: [-1, 2]\n");
    expect("a: ~\nb: null\n", "a: ~\nb: null\n");
}

TEST(Format, BlockScalarsMoveAsAWhole) {
    expect("a:\n    b: |\n        one\n          two\n\n\n        three\n    c: 1\n",
           "a:\n  b: |\n      one\n        two\n\n\n      three\n  c: 1\n");
    expect("a: |+\n  one\n\n\n\nb: 1\n", "a: |+\n  one\n\n\n\nb: 1\n");
}

TEST(Format, KeepsComments) {
    expect("# head\n\na: 1     # far\nb: 2 # near\n    # of nothing\n",
           "# head\n\na: 1     # far\nb: 2 # near\n# of nothing\n");
    expect("a:\n    # of b\n    b: 1    # kept\n# of c\nc: 2\n", "a:\n  # of b\n  b: 1      # kept\n# of c\nc: 2\n");
    expect("a: [1, # one\n    2]   # two\n", "a: [1, # one\n    2]   # two\n");
    expect("ä: 1   # ü\n", "ä: 1   # ü\n");
}

TEST(Format, BlankLinesAndEnds) {
    expect("\n\n\na: 1\r\n\r\n\r\n\r\nb: 2", "a: 1\n\nb: 2\n");
    expect("a: 1   \n   \n", "a: 1\n");
}

TEST(Format, RefusesWhatIsNoYaml) {
    for (const char* text : {"a: [1\n", "a: 1\na: 2\n", "a: &x 1\n", "\ta: 1\n", "a: \x01\n", "", "# only\n"})
        EXPECT_FALSE(formatted(text).ok()) << text;
}

// Every file of the tree that is YAML: formatting keeps its meaning (format_yaml sees to it) and is idempotent.
TEST(Format, EveryFileOfTheTree) {
    std::size_t seen = 0;
    for (const char* folder : {"config", "tests"})
        for (const auto& entry : fs::recursive_directory_iterator(fs::path(SEPTUM_SOURCE_DIR) / folder)) {
            if (entry.path().extension() != ".yaml")
                continue;
            std::ostringstream text;
            text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
            const auto once = formatted(text.str());
            if (!once.ok()) {
                for (const auto& d : once.diagnostics)
                    EXPECT_NE(d.id, "fmt.changes-meaning") << entry.path();
                continue;
            }
            const auto twice = formatted(*once.value);
            ASSERT_TRUE(twice.ok()) << entry.path();
            EXPECT_EQ(*twice.value, *once.value) << entry.path();
            ++seen;
        }
    EXPECT_GT(seen, 50U);
}

// What ships is in form.
TEST(Format, WhatShipsIsInForm) {
    for (const char* folder : {"config/boards", "config/examples", "config/templates"})
        for (const auto& entry : fs::directory_iterator(fs::path(SEPTUM_SOURCE_DIR) / folder)) {
            if (entry.is_directory()) // an example that is more than a file: its own test builds it
                continue;
            std::ostringstream text;
            text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
            std::string filled = text.str();
            for (std::size_t at = 0; (at = filled.find('@', at)) != std::string::npos;)
                filled[at] = 'x'; // the marks of templates
            const auto once = formatted(filled);
            ASSERT_TRUE(once.ok()) << entry.path();
            EXPECT_EQ(*once.value, filled) << entry.path();
        }
}

} // namespace
} // namespace septum::config
