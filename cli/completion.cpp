// SPDX-License-Identifier: Apache-2.0
// septum completion SHELL
#include "cli/shape.hpp"
#include "config/source.hpp"

namespace septum::cli {
namespace {

class Completion : public Command {
public:
    About about() const override {
        return {"completion", "SHELL", "a script that completes septum's words in a shell",
                "Prints the script for bash, zsh or fish. Packages install them; without one:",
                "septum completion bash > ~/.local/share/bash-completion/completions/septum\n"
                "septum completion zsh > ~/.zfunc/_septum               with ~/.zfunc in $fpath\n"
                "septum completion fish > ~/.config/fish/completions/septum.fish"};
    }
    void declare(CLI::App& app) override { app.add_option("SHELL", shell_, "bash, zsh or fish"); }
    std::vector<Needed> needed() const override { return {{"a SHELL", &shell_}}; }

    int run(const Terminal& terminal) override {
        if (shell_ == "bash")
            terminal.print(bash_completion(command_shapes()));
        else if (shell_ == "zsh")
            terminal.print(zsh_completion(command_shapes()));
        else if (shell_ == "fish")
            terminal.print(fish_completion(command_shapes()));
        else
            return terminal.usage("there is no completion for `" + shell_ + "`", "there is one for bash, zsh and fish");
        return kDone;
    }

private:
    std::string shell_;
};

} // namespace

std::unique_ptr<Command> make_completion() {
    return std::make_unique<Completion>();
}

} // namespace septum::cli
