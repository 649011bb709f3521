// SPDX-License-Identifier: Apache-2.0
#include "build/image/netboot.hpp"

#include "build/image/grub.hpp"
#include "build/image/tar.hpp"

namespace septum::build {
namespace {

// `$prefix` is where the firmware found GRUB, as none is built in.
constexpr const char* kCommands = "multiboot2 $prefix/septum.elf\n"
                                  "module2 $prefix/appliance.sep\n"
                                  "boot\n";

} // namespace

config::Outcome<std::vector<std::uint8_t>> make_netboot(std::span<const std::uint8_t> kernel,
                                                        std::span<const std::uint8_t> bundle) {
    auto scratch = Scratch::make();
    if (!scratch.ok())
        return {std::nullopt, std::move(scratch.diagnostics)};
    const GrubProgram bios{"i386-pc-pxe", "", kCommands, {"pxe", "tftp", "http", "boot", "multiboot2"}};
    const GrubProgram efi{"x86_64-efi", "", kCommands, {"efinet", "tftp", "http", "boot", "multiboot2"}};
    std::vector<std::vector<std::uint8_t>> programs;
    for (const GrubProgram& program : {bios, efi}) {
        const auto file = scratch.value->path() / program.format;
        if (auto failed = make_grub(file, program, *scratch.value); !failed.empty())
            return {std::nullopt, std::move(failed)};
        auto bytes = read_scratch(file);
        if (!bytes.ok())
            return {std::nullopt, std::move(bytes.diagnostics)};
        programs.push_back(std::move(*bytes.value));
    }
    return {make_tar({{"appliance.sep", bundle},
                      {"grub-bios.0", programs[0]},
                      {"grub-x64.efi", programs[1]},
                      {"septum.elf", kernel}}),
            {}};
}

} // namespace septum::build
