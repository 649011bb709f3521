// SPDX-License-Identifier: Apache-2.0
// What others wrote and an image is made with: programs, their libraries, GRUB's modules.
#pragma once

#include "build/image/scratch.hpp"

namespace septum::build {

inline constexpr const char* kGrubLibrary = "/usr/lib/grub";

[[nodiscard]] Tool grub_mkimage();
[[nodiscard]] Tool xorriso();
[[nodiscard]] Tool mtool(const char* name); // mformat, mmd, mcopy

// Every file of the above that is here, sorted by path: two machines on which these are the same write the same image
// from the same input. Libraries of the C library's kind, which programs of all sorts share, are not among them.
[[nodiscard]] std::vector<std::filesystem::path> made_with();

} // namespace septum::build
