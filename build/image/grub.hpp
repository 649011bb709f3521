// SPDX-License-Identifier: Apache-2.0
// GRUB's own part of the image: what the firmware loads, made of the modules that are needed and no others.
#pragma once

#include "build/image/scratch.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace septum::build {

// One of GRUB's programs, as grub-mkimage is told to make it.
struct GrubProgram {
    std::string format;               // "i386-pc", "x86_64-efi", …
    std::string prefix;               // where it looks for grub.cfg; empty: where the firmware found it itself
    std::string config;               // what it runs before anything else; may be empty
    std::vector<std::string> modules; // in this order
};

// Writes it to `file`. Errors: `build.tool-missing` for grub-mkimage or the platform's modules, `build.tool-failed`.
[[nodiscard]] std::vector<config::Diagnostic> make_grub(const std::filesystem::path& file, const GrubProgram& program,
                                                        const Scratch& scratch);

// The text of the ISO's grub.cfg. It alone says what is loaded.
[[nodiscard]] const char* grub_config();

// The MBR code that starts the BIOS image from a USB stick.
[[nodiscard]] std::filesystem::path grub_hybrid_mbr();
// The MBR code that starts a disk.
[[nodiscard]] std::filesystem::path grub_disk_mbr();

// Writes the El Torito image for BIOS machines to `file`.
[[nodiscard]] std::vector<config::Diagnostic> make_bios_image(const std::filesystem::path& file,
                                                              const Scratch& scratch);

// Writes the FAT file system with \EFI\BOOT\BOOTX64.EFI to `file`. The program finds the rest of the image by
// `volume_uuid` (GRUB's form, "YYYY-MM-DD-hh-mm-ss-cc"), as firmware starts it from the FAT and not from the ISO.
[[nodiscard]] std::vector<config::Diagnostic> make_efi_image(const std::filesystem::path& file,
                                                             const std::string& volume_uuid, const Scratch& scratch);

} // namespace septum::build
