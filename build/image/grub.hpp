// SPDX-License-Identifier: Apache-2.0
// GRUB's own part of the image: what the firmware loads, made of the modules that are needed and no others.
#pragma once

#include "build/image/scratch.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace septum::build {

// The text of grub.cfg. It alone says what is loaded.
[[nodiscard]] const char* grub_config();

// The MBR code that starts the BIOS image from a USB stick.
[[nodiscard]] std::filesystem::path grub_hybrid_mbr();

// Writes the El Torito image for BIOS machines to `file`.
[[nodiscard]] std::vector<config::Diagnostic> make_bios_image(const std::filesystem::path& file,
                                                              const Scratch& scratch);

// Writes the FAT file system with \EFI\BOOT\BOOTX64.EFI to `file`. The program finds the rest of the image by
// `volume_uuid` (GRUB's form, "YYYY-MM-DD-hh-mm-ss-cc"), as firmware starts it from the FAT and not from the ISO.
[[nodiscard]] std::vector<config::Diagnostic> make_efi_image(const std::filesystem::path& file,
                                                             const std::string& volume_uuid, const Scratch& scratch);

} // namespace septum::build
