// SPDX-License-Identifier: Apache-2.0
#include "cli/boards.hpp"

#include "cli/problem.hpp"
#include "cli/target.hpp"
#include "config/diagnostics.hpp"
#include "config/find_board.hpp"
#include "verifier/facts/facts.hpp"

#include <algorithm>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

config::Diagnostic not_ours(const fs::path& image, std::string why) {
    return problem("image", "`" + image.string() + "` is not an image made by septum: " + std::move(why),
                   "`septum build appliance.yaml -o appliance.iso` makes one");
}

ReadBoard read(const std::string& name, config::LoadOptions options) {
    options.board = name;
    ReadBoard read;
    config::Diagnostics diagnostics;
    read.board = config::find_board({}, {}, options, read.sources, diagnostics);
    read.diagnostics = diagnostics.take_sorted();
    return read;
}

} // namespace

ReadBoard board_to_see(const std::string& name, config::LoadOptions options) {
    options.any_processor = true;
    return read(name, std::move(options));
}

config::Outcome<config::Board> board_by_name(const std::string& name, config::LoadOptions options) {
    auto [board, all, sources] = read(name, std::move(options));
    for (auto& d : all) // without its file's text the place must be in the words
        if (d.primary.known() && d.primary.file < sources.files.size())
            d.message = sources.files[d.primary.file].name + ":" + std::to_string(d.primary.line) + ": " + d.message;
    return {std::move(board), std::move(all)};
}

config::Outcome<config::Board> board_of_image(const fs::path& image, const config::LoadOptions& options) {
    const auto bytes = read_image_file(image);
    if (!bytes.ok())
        return {std::nullopt, bytes.diagnostics};
    const auto opened = verifier::open_image(*bytes.value);
    if (!opened.ok())
        return {std::nullopt,
                {not_ours(image, opened.diagnostics.empty() ? "it cannot be read" : opened.diagnostics[0].message)}};
    const auto manifest = verifier::decode::decode_manifest(opened.value->bundle);
    if (!manifest.ok())
        return {std::nullopt,
                {not_ours(image, manifest.diagnostics.empty() ? "its manifest cannot be read"
                                                              : manifest.diagnostics[0].message)}};
    return board_by_name(options.board.empty() ? verifier::decode::text(manifest.value->header.board) : options.board,
                         options);
}

std::vector<std::string> partitions_of_image(const fs::path& image) {
    std::vector<std::string> names;
    const auto bytes = read_image_file(image);
    const auto opened = bytes.ok() ? verifier::open_image(*bytes.value) : config::Outcome<verifier::ImageFacts>{};
    if (!opened.ok())
        return names;
    if (const auto manifest = verifier::decode::decode_manifest(opened.value->bundle); manifest.ok())
        for (const auto& partition : manifest.value->partitions)
            names.push_back(verifier::decode::text(partition.name));
    return names;
}

std::vector<std::string> board_names(const config::LoadOptions& options) {
    std::vector<std::string> names;
    for (const fs::path& folder : options.board_dirs) {
        std::error_code ec;
        for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
            if (it->path().extension() == ".yaml")
                names.push_back(it->path().stem().string());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::string help_with_boards(const config::LoadOptions& options) {
    const auto names = board_names(options);
    const std::vector<std::string_view> views(names.begin(), names.end());
    return views.empty() ? "give the path of a board file"
                         : "give the path of a board file, or a name: " + config::tick_list(views);
}

std::vector<config::Board> known_boards(const config::LoadOptions& options) {
    std::vector<config::Board> boards;
    for (const auto& name : board_names(options))
        if (auto board = board_by_name(name, options); board.ok())
            boards.push_back(std::move(*board.value));
    return boards;
}

} // namespace septum::cli
