// SPDX-License-Identifier: Apache-2.0
// The commands as data: for completions and man pages, which are made from the declarations and so leave nothing out.
#pragma once

#include "cli/command.hpp"

#include <string>
#include <vector>

namespace septum::cli {

struct OptionShape {
    std::vector<std::string> names; // "-o", "--output"; empty for an argument
    std::string value;              // "FILE"; empty: takes none. For an argument its name
    std::string description;
    std::vector<std::string> choices; // when the value is one of a few; with `is_file`, that or a file
    bool is_file = false;
    bool many = false; // an argument that takes all the rest
    [[nodiscard]] bool is_argument() const { return names.empty(); }
};

struct CommandShape {
    About about;
    std::vector<OptionShape> options;
};

[[nodiscard]] std::vector<std::unique_ptr<Command>> all_commands(); // in the order of `septum --help`
[[nodiscard]] std::vector<CommandShape> command_shapes();

[[nodiscard]] std::string bash_completion(const std::vector<CommandShape>& commands);
[[nodiscard]] std::string zsh_completion(const std::vector<CommandShape>& commands);
[[nodiscard]] std::string fish_completion(const std::vector<CommandShape>& commands);

// A page of the manual in scdoc's language: of `septum` itself when `name` is empty, else of that command.
[[nodiscard]] std::string manual_page(const std::vector<CommandShape>& commands, const std::string& name);

} // namespace septum::cli
