// SPDX-License-Identifier: Apache-2.0
// What a machine loads over its network, as an archive to unpack into a folder of a TFTP or HTTP server.
#pragma once

#include "config/source.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace septum::build {

// Four files: `grub-bios.0` for PXE, `grub-x64.efi` for UEFI, `septum.elf`, `appliance.sep`. GRUB loads the last two
// from the folder that it came from itself, by commands that are built in: it asks the server for no other file.
// Reproducible. Runs grub-mkimage; a missing tool is a diagnostic that names its Debian package.
[[nodiscard]] config::Outcome<std::vector<std::uint8_t>> make_netboot(std::span<const std::uint8_t> kernel,
                                                                      std::span<const std::uint8_t> bundle);

} // namespace septum::build
