// SPDX-License-Identifier: Apache-2.0
#include "build/image/fat.hpp"

#include "build/image/tools.hpp"

#include <cstdio>

namespace septum::build {

std::vector<config::Diagnostic> make_fat(const std::filesystem::path& file, const FatOptions& options,
                                         const Scratch& scratch) {
    const std::string image = file.string();
    char serial[9];
    std::snprintf(serial, sizeof serial, "%08X", static_cast<unsigned>(options.serial));
    std::vector<std::string> format = {"-C",   "-i", image,        "-T", std::to_string(options.sectors),
                                       "-h",   "1",  "-s",         "32", "-N",
                                       serial, "-v", options.label};
    if (options.cluster_sectors != 0)
        format.insert(format.end(),
                      {"-F", "-c", std::to_string(options.cluster_sectors), "-H", std::to_string(options.first)});
    format.emplace_back("::");
    if (auto failed = run_tool(mtool("mformat"), format, scratch); !failed.empty())
        return failed;
    std::vector<std::string> folders = {"-i", image};
    for (const auto& folder : options.folders)
        folders.push_back("::" + folder);
    if (auto failed = run_tool(mtool("mmd"), folders, scratch); !failed.empty())
        return failed;
    for (const auto& [path, source] : options.files)
        if (auto failed = run_tool(mtool("mcopy"), {"-i", image, source.string(), "::" + path}, scratch);
            !failed.empty())
            return failed;
    return {};
}

} // namespace septum::build
