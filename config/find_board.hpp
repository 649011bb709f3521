// SPDX-License-Identifier: Apache-2.0
// From `board:` to a Board: by name, by path or written in the appliance file.
#pragma once

#include "config/model.hpp"
#include "config/yaml_tree.hpp"

#include <optional>

namespace septum::config {

// The value and the key of `board:` in the appliance file; the value may be nullptr when options.board replaces it.
struct BoardField {
    const Node* value = nullptr;
    Span key;
};

// Empty when there is no board that could be read; then that was said. Adds the board file to `sources`.
[[nodiscard]] std::optional<Board> find_board(const BoardField& field, const std::filesystem::path& directory,
                                              const LoadOptions& options, Sources& sources, Diagnostics& diagnostics);

} // namespace septum::config
