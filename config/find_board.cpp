// SPDX-License-Identifier: Apache-2.0
#include "config/find_board.hpp"

#include "config/fields.hpp"
#include "config/names.hpp"
#include "config/read_board.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

namespace septum::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBoardsListed = 1000;

bool is_path(std::string_view word) {
    return word.find('/') != std::string_view::npos || word.ends_with(".yaml") || word.ends_with(".yml") ||
           word == "." || word == "..";
}

bool is_there(const fs::path& path) {
    std::error_code code;
    return fs::exists(path, code);
}

std::vector<fs::path> folders(const fs::path& directory, const LoadOptions& options) {
    std::vector<fs::path> all{directory};
    all.insert(all.end(), options.board_dirs.begin(), options.board_dirs.end());
    return all;
}

// The boards of the board folders, for a suggestion. The appliance's own folder holds mostly other files.
std::vector<std::string> known_boards(const LoadOptions& options) {
    std::vector<std::string> names;
    for (const fs::path& folder : options.board_dirs) {
        std::error_code code;
        for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code))
            if (it->path().extension() == ".yaml" && names.size() < kMostBoardsListed)
                names.push_back(it->path().stem().string());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::optional<fs::path> search(const std::string& name, Span at, const fs::path& directory, const LoadOptions& options,
                               Diagnostics& diagnostics) {
    const std::vector<fs::path> places = folders(directory, options);
    for (const fs::path& folder : places)
        if (is_there(folder / (name + ".yaml")))
            return folder / (name + ".yaml");
    Diagnostic& missing = diagnostics.error("config.unknown-board", fmt::format("there is no board {}", tick(name)), at,
                                            at.known() ? "not found" : "");
    for (const fs::path& folder : places)
        missing.notes.push_back("looked for " + tick_path((folder / (name + ".yaml")).string()));
    const std::vector<std::string> names = known_boards(options);
    const std::vector<std::string_view> views(names.begin(), names.end());
    missing.help = did_you_mean(
        name, views, views.empty() ? "give the path of a board file" : "known boards are " + tick_list(views));
    return std::nullopt;
}

std::optional<Board> read_board_file(const fs::path& path, Span named_at, Sources& sources, Diagnostics& diagnostics) {
    std::optional<std::string> text = read_source(path, named_at, diagnostics);
    if (!text)
        return std::nullopt;
    const auto file = static_cast<std::uint32_t>(sources.files.size());
    sources.files.push_back({path.string(), *std::move(text)});
    const LineIndex lines(sources.files.back().text, file);
    if (!check_characters(lines, diagnostics))
        return std::nullopt;
    const std::optional<Node> root = parse_yaml(lines, diagnostics);
    if (!root || !is_mapping(*root, "the board", diagnostics))
        return std::nullopt;
    const std::size_t before = diagnostics.size();
    Board board = read_board(*root, lines.span(root->begin, root->begin), diagnostics);
    if (diagnostics.size() == before && path.stem().string() != board.name.value)
        diagnostics.error("board.name",
                          fmt::format("the board calls itself {}, its file is {}", tick(board.name.value),
                                      tick(path.filename().string())),
                          board.name.span, "not the file's name");
    return board;
}

// A board file is one for its own sake, since `septum board probe` writes it on whatever machine it runs; but nothing
// can be built for these.
void check_vendor(const Board& board, Diagnostics& diagnostics) {
    if (board.vendor.value != Vendor::intel)
        return;
    Diagnostic& error =
        diagnostics.error("board.vendor-unsupported", "boards with Intel CPUs are not available in this version",
                          board.vendor.span, "only `amd` so far");
    error.notes.push_back("septum's kernel isolates partitions by SVM, which only AMD's processors have");
    error.help = "name a board with AMD processors; `septum board show` draws this one";
}

} // namespace

std::optional<Board> find_board(const BoardField& field, const fs::path& directory, const LoadOptions& options,
                                Sources& sources, Diagnostics& diagnostics) {
    const std::size_t errors = diagnostics.size();
    std::optional<Board> board;
    if (!options.board.empty()) {
        const std::optional<fs::path> path = is_path(options.board)
                                                 ? fs::path(options.board)
                                                 : search(options.board, {}, directory, options, diagnostics);
        if (path)
            board = read_board_file(*path, {}, sources, diagnostics);
    } else if (field.value == nullptr) {
        return std::nullopt; // the missing key was said
    } else if (field.value->kind == Node::Kind::mapping) {
        board = read_board(*field.value, field.key, diagnostics);
    } else if (field.value->kind == Node::Kind::scalar && !field.value->text.empty()) {
        const std::string& word = field.value->text;
        std::optional<fs::path> path;
        if (is_path(word))
            path = directory / word;
        else if (check_name(*field.value, "board", diagnostics))
            path = search(word, field.value->span, directory, options, diagnostics);
        if (path)
            board = read_board_file(*path, field.value->span, sources, diagnostics);
    } else {
        wrong_type(*field.value, "board", "the name of a board, a path or a mapping", diagnostics);
    }
    if (board && !options.any_processor)
        check_vendor(*board, diagnostics);
    // With a board that is half read, every reference to it would be a second error with the same cause.
    return diagnostics.size() == errors ? board : std::nullopt;
}

} // namespace septum::config
