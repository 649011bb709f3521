// SPDX-License-Identifier: Apache-2.0
// Every diagnostic, as it is printed: tests/cases/config/NAME/input.yaml gives expected.txt.
// SEPTUM_BLESS=1 writes expected.txt anew; read the difference before you commit it.
#include "config/model.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <sstream>

namespace septum::config {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = SEPTUM_SOURCE_DIR;
const fs::path kCases = kSource / "tests/cases/config";

std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::vector<std::string> case_names() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(kCases))
        if (entry.is_directory())
            names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

class Case : public testing::TestWithParam<std::string> {};

TEST_P(Case, SaysWhatIsExpected) {
    const fs::path folder = kCases / GetParam();
    fs::current_path(folder); // so that messages hold relative paths
    const Loaded loaded = load("input.yaml", {"", {"../../../../config/boards"}});
    std::string said;
    bool any_error = false;
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
        said += render(diagnostic, loaded.sources, false);
        any_error = any_error || diagnostic.severity == Severity::error;
    }
    EXPECT_EQ(loaded.model.has_value(), !any_error);
    if (std::getenv("SEPTUM_BLESS") != nullptr)
        std::ofstream(folder / "expected.txt", std::ios::binary) << said;
    EXPECT_EQ(said, slurp(folder / "expected.txt"));
}

TEST_P(Case, SpansLieInTheText) {
    fs::current_path(kCases / GetParam());
    const Loaded loaded = load("input.yaml", {"", {"../../../../config/boards"}});
    const auto check = [&](const Span& span) {
        if (!span.known())
            return;
        ASSERT_LT(span.file, loaded.sources.files.size());
        const std::string& text = loaded.sources.files[span.file].text;
        const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
        EXPECT_LE(span.end_line, lines);
        EXPECT_LE(std::tie(span.line, span.column), std::tie(span.end_line, span.end_column));
    };
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
        check(diagnostic.primary);
        for (const Label& label : diagnostic.related)
            check(label.span);
    }
}

INSTANTIATE_TEST_SUITE_P(Config, Case, testing::ValuesIn(case_names()), [](const auto& param) {
    std::string name = param.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

// A rule without a case is a message that nobody has read.
TEST(Cases, EveryRuleHasOne) {
    const std::regex rule(R"re("((?:yaml|config|board|file)\.[a-z0-9-]+)")re");
    // These need a file that cannot lie in a repository; load_test.cpp has them.
    const std::set<std::string> elsewhere{"file.not-a-file", "file.unreadable", "file.too-large",
                                          "config.too-many-includes"};
    std::set<std::string> rules;
    for (const auto& entry : fs::directory_iterator(kSource / "config")) {
        if (entry.path().extension() != ".cpp")
            continue;
        const std::string text = slurp(entry.path());
        for (std::sregex_iterator it(text.begin(), text.end(), rule), end; it != end; ++it)
            rules.insert((*it)[1]);
    }
    std::string all;
    for (const std::string& name : case_names())
        all += slurp(kCases / name / "expected.txt");
    EXPECT_GE(rules.size(), 40U);
    for (const std::string& id : rules) {
        if (elsewhere.count(id) == 0) {
            EXPECT_NE(all.find("[" + id + "]"), std::string::npos) << id << " has no case";
        }
    }
}

} // namespace
} // namespace septum::config
