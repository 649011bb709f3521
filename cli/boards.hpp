// SPDX-License-Identifier: Apache-2.0
// Boards without an appliance that names them, and what an image says of itself.
#pragma once

#include "config/model.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace septum::cli {

// A board file as it was read, with what messages about it show.
struct ReadBoard {
    std::optional<config::Board> board; // absent when any diagnostic is an error
    std::vector<config::Diagnostic> diagnostics;
    config::Sources sources;
};

// The board of that name or file, whatever its processors are: to look at it. Errors: unknown, or badly written.
[[nodiscard]] ReadBoard board_to_see(const std::string& name, config::LoadOptions options);

// The board of that name or file, to run something on. Errors: unknown, badly written, or nothing can run on it.
[[nodiscard]] config::Outcome<config::Board> board_by_name(const std::string& name, config::LoadOptions options);

// The board an image was built for: `options.board` when it is given, else the one its manifest names. Errors: not an
// image of ours, cut short, a board nobody knows.
[[nodiscard]] config::Outcome<config::Board> board_of_image(const std::filesystem::path& image,
                                                            const config::LoadOptions& options);

// The names of its partitions, in its order; none when it is no image.
[[nodiscard]] std::vector<std::string> partitions_of_image(const std::filesystem::path& image);

// The names of the files in the board folders, sorted.
[[nodiscard]] std::vector<std::string> board_names(const config::LoadOptions& options);
// The same in words, for a `help`.
[[nodiscard]] std::string help_with_boards(const config::LoadOptions& options);
// Every board in the board folders that can be read, in name order.
[[nodiscard]] std::vector<config::Board> known_boards(const config::LoadOptions& options);

} // namespace septum::cli
