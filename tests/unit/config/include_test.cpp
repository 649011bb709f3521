// SPDX-License-Identifier: Apache-2.0
// Fragments: what they add, and where it says it stands. The messages are in tests/cases/config/include-*.
#include "config/model.hpp"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

namespace septum::config {
namespace {

namespace fs = std::filesystem;

TEST(Include, EverythingKeepsItsFile) {
    fs::current_path(fs::path(SEPTUM_SOURCE_DIR) / "tests/cases/config/include-good");
    const Loaded loaded = load("input.yaml", {"", {"../../../../config/boards"}});
    ASSERT_TRUE(loaded.model);
    const Model& model = *loaded.model;
    ASSERT_EQ(model.partitions.size(), 2U);
    ASSERT_EQ(model.channels.size(), 1U);
    EXPECT_EQ(model.policy.size(), 2U);
    const auto file = [&](const Span& span) { return loaded.sources.files.at(span.file).name; };
    EXPECT_EQ(file(model.partitions[0].name.span), "input.yaml");
    EXPECT_EQ(file(model.partitions[1].name.span), "more.yaml");
    EXPECT_EQ(file(model.channels[0].size.span), "part.yaml");
    EXPECT_EQ(model.channels[0].size.span.line, 3U);
    EXPECT_EQ(file(model.policy[0].span), "input.yaml");
    EXPECT_EQ(file(model.policy[1].span), "part.yaml");
}

TEST(Include, AChainOfFilesEnds) {
    const fs::path folder = fs::path(testing::TempDir()) / "septum-include";
    fs::create_directories(folder);
    const auto write = [&](int number, const std::string& rest) {
        std::ofstream(folder / fmt::format("f{}.yaml", number))
            << rest << fmt::format("include: [f{}.yaml]\n", number + 1);
    };
    write(0, "septum: 1\nname: x\nboard: qemu-q35\npartitions:\n  a: {cpus: 1, memory: 4 MiB, boot: {elf: a.elf}}\n");
    for (int i = 1; i < 100; ++i)
        write(i, "");
    const Loaded loaded = load(folder / "f0.yaml", {"", {fs::path(SEPTUM_SOURCE_DIR) / "config/boards"}});
    EXPECT_FALSE(loaded.model);
    ASSERT_EQ(loaded.diagnostics.size(), 1U);
    EXPECT_EQ(loaded.diagnostics[0].id, "config.too-many-includes");
    fs::remove_all(folder);
}

} // namespace
} // namespace septum::config
