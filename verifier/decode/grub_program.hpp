// SPDX-License-Identifier: Apache-2.0
// What is built into GRUB's programs, as grub-mkimage makes them: where they look for grub.cfg, and what they run
// before that. (GRUB 2.06, include/grub/kernel.h: the module header; util/mkimage.c;
// grub-core/boot/i386/pc/startup_raw.S.)
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

struct GrubProgram {
    std::string prefix;                // where grub.cfg is looked for
    std::optional<std::string> config; // run before that; its end of lines kept
    std::uint32_t modules = 0;
    Defects defects; // a part of any kind that is not known here: a disk in memory, a key, …
};

inline constexpr std::uint64_t kDiskStarter = 512;
inline constexpr std::uint64_t kPxeStarter = 1536;
inline constexpr std::uint64_t kCdStarter = 2560;

// A PE image for UEFI: its section `mods`. Nothing when there is none.
[[nodiscard]] std::optional<GrubProgram> decode_grub_efi(ByteSpan file, const std::string& what);

// A core image for BIOS: `starter` bytes that load the rest (diskboot.img alone, or behind pxeboot.img or cdboot.img),
// the decompressor, an LZMA stream. There may be zeros behind it. Nothing when the stream is none.
[[nodiscard]] std::optional<GrubProgram> decode_grub_bios(ByteSpan file, std::uint64_t starter,
                                                          const std::string& what);

} // namespace septum::verifier::decode
