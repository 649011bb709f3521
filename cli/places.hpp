// SPDX-License-Identifier: Apache-2.0
// Where septum's own files are: beside the executable (a build tree) or in the folders of an installation.
#pragma once

#include <filesystem>
#include <vector>

namespace septum::cli {

// The folder of the running executable; empty when the system does not tell.
[[nodiscard]] std::filesystem::path executable_folder();
// septum.elf; where it would be in a build tree when it is nowhere.
[[nodiscard]] std::filesystem::path default_kernel();
// Folders with board files and with the payloads that ship with septum; only those that exist.
[[nodiscard]] std::vector<std::filesystem::path> default_board_folders();
[[nodiscard]] std::vector<std::filesystem::path> default_payload_folders();
// The JSON Schema of appliances, for editors; empty in a build tree, where no file should remember it.
[[nodiscard]] std::filesystem::path installed_schema();

} // namespace septum::cli
