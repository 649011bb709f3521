// SPDX-License-Identifier: Apache-2.0
// The sharing rule, held against the sources, the link graph and the archives: nothing of build/ in the judge, and
// nothing of the judge in build/.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>

namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_that_include(const fs::path& root, const std::regex& forbidden) {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        const std::string extension = entry.path().extension().string();
        if (extension != ".cpp" && extension != ".hpp") {
            continue;
        }
        std::ifstream in(entry.path());
        for (std::string line; std::getline(in, line);) {
            if (std::regex_search(line, forbidden)) {
                out.push_back(entry.path().string() + ": " + line);
            }
        }
    }
    return out;
}

std::size_t sources(const fs::path& root) {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        count += entry.path().extension() == ".cpp" ? 1 : 0;
    }
    return count;
}

TEST(Independence, TheJudgeIncludesNothingOfTheBuilder) {
    const fs::path root = fs::path(SEPTUM_SOURCE_DIR) / "verifier";
    ASSERT_GT(sources(root), 20U);
    const std::regex forbidden(R"(#\s*include\s*["<](\.\./|.*build/|.*cli/|.*tests/|kernel/))");
    for (const std::string& line : lines_that_include(root, forbidden)) {
        ADD_FAILURE() << line;
    }
}

TEST(Independence, TheBuilderIncludesNothingOfTheJudge) {
    const fs::path root = fs::path(SEPTUM_SOURCE_DIR) / "build";
    ASSERT_GT(sources(root), 5U);
    const std::regex forbidden(R"(#\s*include\s*["<].*verifier/)");
    for (const std::string& line : lines_that_include(root, forbidden)) {
        ADD_FAILURE() << line;
    }
}

TEST(Independence, TheLinkGraphHasNothingOfTheBuilder) {
    std::istringstream closure(SEPTUM_VERIFIER_LINKS);
    std::size_t count = 0;
    for (std::string target; std::getline(closure, target, ',');) {
        ++count;
        const bool known = target == "septum-verifier" || target == "septum-facts" || target == "septum-decode" ||
                           target == "septum-config" || target == "septum-hosted" || !target.starts_with("septum");
        EXPECT_TRUE(known) << target;
    }
    EXPECT_GE(count, 5U) << SEPTUM_VERIFIER_LINKS;
}

TEST(Independence, TheArchivesNameNoSymbolOfTheBuilder) {
    std::istringstream archives(SEPTUM_VERIFIER_ARCHIVES);
    for (std::string archive; std::getline(archives, archive, ':');) {
        const std::string command = std::string(SEPTUM_NM) + " -C '" + archive + "'";
        const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
        ASSERT_NE(pipe, nullptr);
        std::size_t symbols = 0;
        char line[4096];
        while (std::fgets(line, sizeof line, pipe.get()) != nullptr) {
            ++symbols;
            EXPECT_EQ(std::string(line).find("septum::build::"), std::string::npos) << archive << ": " << line;
        }
        EXPECT_GT(symbols, 10U) << archive;
    }
}

} // namespace
