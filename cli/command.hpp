// SPDX-License-Identifier: Apache-2.0
// A sub-command: what it is called, what it takes, what it does.
#pragma once

#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

namespace septum::cli {

struct About {
    const char* name;
    const char* arguments;   // "FILE -o ISO"
    const char* summary;     // one line, lower case
    const char* description; // what it does and where it writes; whole sentences
    const char* examples;    // lines of shell
};

class Command {
public:
    virtual ~Command() = default;
    [[nodiscard]] virtual About about() const = 0;
    // Adds options and arguments. Arguments are positional; none is marked required: run() is not called without
    // those that `needed` names.
    virtual void declare(CLI::App& app) = 0;
    [[nodiscard]] virtual int run(const Terminal& terminal) = 0;

    // Arguments without which there is nothing to do, with what was given, in order.
    struct Needed {
        const char* name;
        const std::string* value;
    };
    [[nodiscard]] virtual std::vector<Needed> needed() const { return {}; }
};

[[nodiscard]] std::unique_ptr<Command> make_init();
[[nodiscard]] std::unique_ptr<Command> make_check();
[[nodiscard]] std::unique_ptr<Command> make_fmt();
[[nodiscard]] std::unique_ptr<Command> make_plan();
[[nodiscard]] std::unique_ptr<Command> make_build();
[[nodiscard]] std::unique_ptr<Command> make_verify();
[[nodiscard]] std::unique_ptr<Command> make_diff();
[[nodiscard]] std::unique_ptr<Command> make_explain();
[[nodiscard]] std::unique_ptr<Command> make_flow();
[[nodiscard]] std::unique_ptr<Command> make_walk();
[[nodiscard]] std::unique_ptr<Command> make_run();
[[nodiscard]] std::unique_ptr<Command> make_board();
[[nodiscard]] std::unique_ptr<Command> make_completion();
[[nodiscard]] std::unique_ptr<Command> make_version();

} // namespace septum::cli
