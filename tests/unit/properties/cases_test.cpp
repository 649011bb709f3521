// SPDX-License-Identifier: Apache-2.0
// Every finding on a model, as it is printed: tests/cases/verifier/NAME/input.yaml gives expected.txt.
// SEPTUM_BLESS=1 writes expected.txt anew; read the difference before you commit it.
#include "verifier/properties/registry.hpp"
#include "verifier/verifier.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace septum::verifier {

namespace {

namespace fs = std::filesystem;

const fs::path kSource = SEPTUM_SOURCE_DIR;
const fs::path kCases = kSource / "tests/cases/verifier";

std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::vector<std::string> case_names() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(kCases)) {
        if (entry.is_directory()) {
            names.push_back(entry.path().filename().string());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

class VerifierCase : public testing::TestWithParam<std::string> {};

TEST_P(VerifierCase, SaysWhatIsExpected) {
    const fs::path folder = kCases / GetParam();
    const config::Loaded loaded =
        config::load_text(slurp(folder / "input.yaml"), "input.yaml", folder, {"", {kSource / "config/boards"}});
    ASSERT_TRUE(loaded.model.has_value()) << "the case must be a model: its defect is the verifier's to find";
    const Report report = verify_model(*loaded.model, {});
    std::string said;
    for (const PropertyResult& result : report.results) {
        for (const Finding& finding : result.findings) {
            said += config::render(finding.diagnostic, loaded.sources, false);
            said += "fingerprint: " + finding.fingerprint + "\n";
            EXPECT_EQ(finding.diagnostic.id, result.id);
            EXPECT_TRUE(finding.diagnostic.primary.known()) << finding.diagnostic.message;
            EXPECT_FALSE(finding.diagnostic.help.empty()) << finding.diagnostic.message;
        }
        EXPECT_NE(result.verdict, Verdict::inconclusive) << result.id << ": " << result.reason;
    }
    said += report.proved() ? "proved\n" : "not proved\n";
    // Board files lie outside the case; their path is the machine's.
    const std::string boards = (kSource / "config/boards").string();
    for (std::size_t at = said.find(boards); at != std::string::npos; at = said.find(boards)) {
        said.replace(at, boards.size(), "BOARDS");
    }
    if (std::getenv("SEPTUM_BLESS") != nullptr) {
        std::ofstream(folder / "expected.txt", std::ios::binary) << said;
    }
    EXPECT_EQ(said, slurp(folder / "expected.txt"));
}

INSTANTIATE_TEST_SUITE_P(Verifier, VerifierCase, testing::ValuesIn(case_names()), [](const auto& info) {
    std::string name = info.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

// A property that can be violated by a file alone, and has no case, is a message that nobody has read.
TEST(VerifierCases, EveryPropertyOfTheModelHasOne) {
    // Config refuses these earlier; model_test.cpp has them.
    const std::vector<std::string> elsewhere{"board.contract", "chan.directed",  "cpu.exclusive",
                                             "cpu.exists",     "dev.bars-owned", "dev.exists"};
    std::string all;
    for (const std::string& name : case_names()) {
        all += slurp(kCases / name / "expected.txt");
    }
    for (const Property* property : registry()) {
        if (property->model == nullptr ||
            std::find(elsewhere.begin(), elsewhere.end(), property->id) != elsewhere.end()) {
            continue;
        }
        EXPECT_NE(all.find("[" + std::string(property->id) + "]"), std::string::npos) << property->id << " has no case";
    }
}

} // namespace

} // namespace septum::verifier
