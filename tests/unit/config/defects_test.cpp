// SPDX-License-Identifier: Apache-2.0
// Files that cannot lie in a repository, and input made to hurt.
#include "reading.hpp"
#include "tests/unit/cpu_time.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace septum::config {
namespace {

namespace fs = std::filesystem;

class Folder {
public:
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "septum-config-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    fs::path write(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
        return path_ / name;
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

void expect_only(const Loaded& loaded, const std::string& id) {
    EXPECT_FALSE(loaded.model);
    ASSERT_EQ(loaded.diagnostics.size(), 1U) << said(loaded);
    EXPECT_EQ(loaded.diagnostics[0].id, id);
    EXPECT_FALSE(render(loaded.diagnostics[0], loaded.sources, false).empty());
}

TEST(Files, Missing) {
    expect_only(load("/nonexistent/appliance.yaml", {}), "file.missing");
}

TEST(Files, NotAFile) {
    const Folder folder;
    expect_only(load(folder.path(), {}), "file.not-a-file");
    expect_only(load("/dev/zero", {}), "file.not-a-file");
}

TEST(Files, AFolderAsABoard) {
    const Folder folder;
    fs::create_directory(folder.path() / "board.yaml");
    const fs::path file = folder.write("a.yaml", "septum: 1\nname: demo\nboard: board.yaml\npartitions:\n"
                                                 "  a: {cpus: 1, memory: 2 MiB, boot: {elf: a}}\n");
    expect_only(load(file, {}), "file.not-a-file");
}

TEST(Files, Unreadable) {
    if (::geteuid() == 0)
        GTEST_SKIP() << "root reads everything";
    const Folder folder;
    const fs::path file = folder.write("a.yaml", "septum: 1\n");
    ::chmod(file.c_str(), 0);
    expect_only(load(file, {}), "file.unreadable");
}

TEST(Files, ANameThatIsTooLong) {
    expect_only(load(std::string(10'000, 'x'), {}), "file.unreadable");
}

TEST(Files, AtMostOneMebibyte) {
    const Folder folder;
    const std::string comment(std::size_t{1024} * 1024, '#');
    expect_only(load(folder.write("fits.yaml", comment), {}), "yaml.empty");
    expect_only(load(folder.write("large.yaml", comment + "#"), {}), "file.too-large");
    expect_only(read(comment + "#"), "file.too-large");
}

TEST(Files, TheBoardBesideTheApplianceIsPreferred) {
    const Folder folder;
    const Loaded shipped = read("septum: 1\nname: demo\nboard: qemu-q35\npartitions: {}\n");
    std::string board = shipped.sources.files.at(1).text;
    board.replace(board.find("huge-pages-1g: true"), 19, "huge-pages-1g: false");
    folder.write("qemu-q35.yaml", board);
    const fs::path file = folder.write("a.yaml", "septum: 1\nname: demo\nboard: qemu-q35\npartitions:\n"
                                                 "  a: {cpus: 1, memory: 2 MiB, boot: {elf: a}}\n");
    const Loaded loaded = load(file, {"", {fs::path(SEPTUM_SOURCE_DIR) / "config/boards"}});
    ASSERT_TRUE(loaded.model) << said(loaded);
    EXPECT_FALSE(loaded.model->board.huge_pages_1g);
    EXPECT_EQ(loaded.model->directory, folder.path());
}

TEST(Files, AByteOrderMarkIsNoColumn) {
    const Folder folder;
    const Loaded loaded = load(folder.write("a.yaml", "\xEF\xBB\xBFseptun: 1\n"), {});
    ASSERT_FALSE(loaded.diagnostics.empty());
    EXPECT_NE(said(loaded).find("a.yaml:1:1: error[config.unknown-key]: unknown key `septun`"), std::string::npos);
}

TEST(Board, TheCallersChoiceNeedsNoKey) {
    const std::string text = "septum: 1\nname: demo\npartitions:\n  a: {cpus: 1, memory: 2 MiB, boot: {elf: a}}\n";
    LoadOptions options{"qemu-q35", {fs::path(SEPTUM_SOURCE_DIR) / "config/boards"}};
    EXPECT_TRUE(load_text(text, "a.yaml", ".", options).model);
    options.board = "qemu-q53";
    expect_only(load_text(text, "a.yaml", ".", options), "config.unknown-board");
    options.board = "./nowhere.yaml";
    expect_only(load_text(text, "a.yaml", ".", options), "file.missing");
}

// Whoever only looks at a board asks for it; whoever loads an appliance gets the refusal without asking.
TEST(Board, OneOfIntelIsTakenToBeSeenOnly) {
    const Folder folder;
    const Loaded shipped = read("septum: 1\nname: demo\nboard: qemu-q35\npartitions: {}\n");
    std::string board = shipped.sources.files.at(1).text;
    board.replace(board.find("vendor: amd"), 11, "vendor: intel");
    folder.write("qemu-q35.yaml", board);
    const std::string text = "septum: 1\nname: demo\nboard: qemu-q35\npartitions:\n"
                             "  a: {cpus: 1, memory: 2 MiB, boot: {elf: a}}\n";
    LoadOptions options;
    expect_only(load_text(text, "a.yaml", folder.path(), options), "board.vendor-unsupported");
    options.any_processor = true;
    const Loaded seen = load_text(text, "a.yaml", folder.path(), options);
    ASSERT_TRUE(seen.model) << said(seen);
    EXPECT_EQ(seen.model->board.vendor.value, Vendor::intel);
}

std::string repeated(const std::string& text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i)
        out += text;
    return out;
}

// Each of these must be refused within a moment, with few words.
TEST(Hostile, InputIsRefusedQuickly) {
    const std::vector<std::string> inputs{
        repeated("[", 300'000),
        repeated("{", 300'000),
        repeated("? ", 300'000),
        repeated("- ", 300'000),
        repeated("a: ", 300'000),
        repeated("\"", 300'001),
        "[" + repeated("a ", 400'000),
        "{" + repeated("a,", 400'000) + "}",
        "{" + repeated("a: [],", 150'000) + "}",
        "a: &a [x]\nb: [" + repeated("*a, ", 200'000) + "]\n",
        "partitions: {" + repeated("b, ", 10) + "}",
        "septum: 1\npolicy: [" + repeated("{never: {from: x, to: y}},", 30'000) + "]",
        "septum: 1\nchannels:\n" + repeated("  " + std::string(900, 'c') + ": {from: q}\n", 900),
        repeated("\n", 1'000'000),
        repeated("#\n", 500'000),
        repeated("%TAG ! !\n", 100'000),
        repeated("--- ", 200'000),
        repeated("!", 300'000),
        repeated("&", 300'000),
        repeated("\t", 300'000),
        "a: |\n" + repeated(" x\n", 300'000),
        "a: " + std::string(1'000'000, '9') + " GiB\n",
    };
    for (const std::string& input : inputs) {
        const double start = cpu_seconds();
        const Loaded loaded = read(input);
        std::size_t printed = 0;
        for (const Diagnostic& diagnostic : loaded.diagnostics)
            printed += render(diagnostic, loaded.sources, false).size();
        const double took = cpu_seconds() - start;
        EXPECT_FALSE(loaded.model) << input.substr(0, 40);
        EXPECT_FALSE(loaded.diagnostics.empty()) << input.substr(0, 40);
        EXPECT_LE(loaded.diagnostics.size(), 101U) << input.substr(0, 40);
        EXPECT_LT(printed, 500'000U) << input.substr(0, 40);
        EXPECT_LT(took, 30) << input.substr(0, 40);
    }
}

// Every way to cut a good file short is refused or still a whole model; it never breaks.
TEST(Hostile, EveryPrefixOfAGoodFile) {
    std::ifstream in(fs::path(SEPTUM_SOURCE_DIR) / "config/examples/gateway.yaml");
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    for (std::size_t length = 0; length < text.size(); length += 7) {
        const Loaded loaded = read(text.substr(0, length));
        bool any_error = false;
        for (const Diagnostic& diagnostic : loaded.diagnostics) {
            any_error = any_error || diagnostic.severity == Severity::error;
            EXPECT_FALSE(render(diagnostic, loaded.sources, false).empty());
        }
        EXPECT_EQ(loaded.model.has_value(), !any_error) << length;
    }
}

} // namespace
} // namespace septum::config
