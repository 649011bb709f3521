// SPDX-License-Identifier: Apache-2.0
// The two sides of every foreign format include nothing of each other. (That they cannot link is CMake's to say:
// verifier/decode/independence.cmake.)
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace septum::verifier {
namespace {

namespace fs = std::filesystem;

// Files under `folder` with an #include that begins with `forbidden`.
std::vector<std::string> offenders(const char* folder, const std::string& forbidden) {
    std::vector<std::string> found;
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SEPTUM_SOURCE_DIR) / folder)) {
        const auto extension = entry.path().extension();
        if (extension != ".cpp" && extension != ".hpp") {
            continue;
        }
        ++files;
        std::ifstream in(entry.path());
        for (std::string line; std::getline(in, line);) {
            if (line.find("#include") != std::string::npos && line.find(forbidden) != std::string::npos) {
                found.push_back(entry.path().string() + ": " + line);
            }
        }
    }
    EXPECT_GT(files, 10U);
    return found;
}

TEST(Independence, VerifierIncludesNothingOfBuild) {
    EXPECT_EQ(offenders("verifier", "build/"), std::vector<std::string>{});
    EXPECT_EQ(offenders("verifier", "kernel/"), std::vector<std::string>{});
}

TEST(Independence, BuildIncludesNothingOfTheVerifier) {
    EXPECT_EQ(offenders("build", "verifier/"), std::vector<std::string>{});
}

} // namespace
} // namespace septum::verifier
