// SPDX-License-Identifier: Apache-2.0
// The bootable image: GRUB (BIOS and UEFI), its configuration, the kernel and the bundle in one ISO 9660 file.
#pragma once

#include "config/source.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace septum::build {

// The only files that the boot path loads, by their paths in the image.
inline constexpr const char* kGrubConfigPath = "/boot/grub/grub.cfg";
inline constexpr const char* kKernelPath = "/boot/septum.elf";
inline constexpr const char* kBundlePath = "/boot/appliance.sep";

struct IsoOptions {
    std::string volume; // the appliance's name; becomes the volume id
    bool uefi = true;   // also bootable by UEFI; needs GRUB's x86_64-efi modules
};

// The same in two steps. GRUB for BIOS needs neither kernel nor bundle and takes longest to make: from `begin` on it is
// made in a thread of its own, while the caller reads and plans.
class IsoMaker {
public:
    [[nodiscard]] static config::Outcome<IsoMaker> begin();
    IsoMaker(IsoMaker&& other) noexcept;
    IsoMaker& operator=(IsoMaker&& other) noexcept;
    ~IsoMaker(); // waits for what was begun

    // Once. Like make_iso().
    [[nodiscard]] config::Outcome<std::vector<std::uint8_t>> finish(std::span<const std::uint8_t> kernel,
                                                                    std::span<const std::uint8_t> bundle,
                                                                    const IsoOptions& options);

private:
    struct Begun;
    explicit IsoMaker(std::unique_ptr<Begun> begun);
    std::unique_ptr<Begun> begun_;
};

// Runs grub-mkimage, xorriso and mtools in a private temporary folder. Reproducible: the same input gives the same
// bytes. A missing tool is a diagnostic that names its Debian package.
[[nodiscard]] config::Outcome<std::vector<std::uint8_t>> make_iso(std::span<const std::uint8_t> kernel,
                                                                  std::span<const std::uint8_t> bundle,
                                                                  const IsoOptions& options);

} // namespace septum::build
