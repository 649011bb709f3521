// SPDX-License-Identifier: Apache-2.0
#include "cli/places.hpp"

#include <sys/auxv.h>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> those_that_exist(std::vector<fs::path> candidates) {
    std::erase_if(candidates, [](const fs::path& path) {
        std::error_code ec;
        return !fs::exists(path, ec);
    });
    return candidates;
}

// In the build tree first: an installed septum has nothing beside itself in bin/.
std::vector<fs::path> both(const char* beside, const char* installed) {
    const fs::path folder = executable_folder();
    return those_that_exist({folder / beside, (folder / ".." / installed).lexically_normal()});
}

} // namespace

fs::path executable_folder() {
    std::error_code ec;
    const fs::path self = fs::read_symlink("/proc/self/exe", ec);
    if (!ec)
        return self.parent_path();
    // Without /proc, as in a bare chroot: the name that the kernel was given at execve (getauxval(3)).
    const auto* const name = reinterpret_cast<const char*>(::getauxval(AT_EXECFN)); // NOLINT: that is its type
    return name == nullptr ? fs::path() : fs::weakly_canonical(fs::absolute(name, ec), ec).parent_path();
}

fs::path default_kernel() {
    const auto found = both("septum.elf", "lib/septum/septum.elf");
    return found.empty() ? executable_folder() / "septum.elf" : found.front();
}

std::vector<fs::path> default_board_folders() {
    return both("boards", "share/septum/boards");
}
fs::path installed_schema() {
    const auto found =
        those_that_exist({(executable_folder() / "../share/septum/schema/appliance.schema.json").lexically_normal()});
    return found.empty() ? fs::path() : found.front();
}
std::vector<fs::path> default_payload_folders() {
    return both("payloads", "lib/septum/payloads");
}

} // namespace septum::cli
