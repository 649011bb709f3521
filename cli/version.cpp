// SPDX-License-Identifier: Apache-2.0
// septum version
#include "cli/version.hpp"

#include "cli/command.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::cli {
namespace {

class Version : public Command {
public:
    About about() const override {
        return {"version", "", "which septum this is",
                "Prints the version of septum and of the manifest it writes: a kernel starts only images with its own\n"
                "manifest version.",
                "septum version"};
    }
    void declare(CLI::App&) override {}
    int run(const Terminal& terminal) override {
        terminal.print("septum " + std::string(kVersion) + "\nmanifest " + std::to_string(manifest::kVersion) + "\n");
        return kDone;
    }
};

} // namespace

std::unique_ptr<Command> make_version() {
    return std::make_unique<Version>();
}

} // namespace septum::cli
