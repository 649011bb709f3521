// SPDX-License-Identifier: Apache-2.0
#include "build/image/tools.hpp"

#include <algorithm>
#include <array>

namespace septum::build {
namespace {

namespace fs = std::filesystem;

// Every file in `folder` whose name begins so, symbolic links followed.
void add_files(const fs::path& folder, std::string_view begins, std::vector<fs::path>& files) {
    std::error_code failed;
    for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
        std::error_code ignored; // what cannot be looked at is no file
        if (it->path().filename().string().starts_with(begins) && it->is_regular_file(ignored)) {
            files.push_back(it->path());
        }
    }
}

} // namespace

Tool grub_mkimage() {
    return {{"grub-mkimage", "grub2-mkimage"}, "grub-common"};
}

Tool xorriso() {
    return {{"xorriso"}, "xorriso"};
}

Tool mtool(const char* name) {
    return {{name}, "mtools"};
}

std::vector<fs::path> made_with() {
    std::vector<fs::path> files;
    for (const Tool& tool : {grub_mkimage(), xorriso(), mtool("mformat"), mtool("mmd"), mtool("mcopy")}) {
        if (auto program = find_tool(tool); !program.empty()) {
            files.push_back(std::move(program));
        }
    }
    for (const char* const platform : {"i386-pc", "x86_64-efi"}) {
        add_files(fs::path(kGrubLibrary) / platform, "", files);
    }
    constexpr std::array kLibraries = {"libisoburn.so", "libisofs.so", "libburn.so"}; // xorriso is a shell over them
    for (const char* const folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"}) {
        for (const char* const library : kLibraries) {
            add_files(folder, library, files);
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace septum::build
