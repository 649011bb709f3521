// SPDX-License-Identifier: Apache-2.0
// The image of a disk: a GUID partition table, GRUB for BIOS and for UEFI, and a file system with two places for an
// appliance, of which grub.cfg chooses one.
#pragma once

#include "config/source.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace septum::build {

// Reproducible: the same input gives the same bytes. Runs grub-mkimage and mtools in a private temporary folder; a
// missing tool is a diagnostic that names its Debian package. `name`, the appliance's, tells its disks from others'.
//
// Partitions: 1 BIOS boot (core.img), 2 EFI system, 3 "septum": /boot/grub/grub.cfg, /a with kernel and bundle, /b
// empty. Each of /a and /b has room for files half as large again as these and 4 MiB more.
[[nodiscard]] config::Outcome<std::vector<std::uint8_t>>
make_disk(std::span<const std::uint8_t> kernel, std::span<const std::uint8_t> bundle, const std::string& name);

} // namespace septum::build
