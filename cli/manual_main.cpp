// SPDX-License-Identifier: Apache-2.0
// septum-manual DIR: writes DIR/septum.1.scd and one page a command.
#include "cli/files.hpp"
#include "cli/shape.hpp"

#include <cstdio>

int main(int argc, char** argv) {
    using namespace septum::cli;
    if (argc != 2) {
        std::fputs("usage: septum-manual DIR\n", stderr);
        return kUsage;
    }
    const auto commands = command_shapes();
    std::vector<std::string> names = {""};
    for (const auto& command : commands)
        names.emplace_back(command.about.name);
    for (const auto& name : names) {
        const std::string file = std::string(argv[1]) + "/septum" + (name.empty() ? "" : "-" + name) + ".1.scd";
        auto pending = PendingFile::make(file);
        if (!pending.ok() || !pending.value->commit(manual_page(commands, name)).empty()) {
            std::fprintf(stderr, "cannot write %s\n", file.c_str());
            return kFailed;
        }
    }
    return kDone;
}
