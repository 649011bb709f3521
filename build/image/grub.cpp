// SPDX-License-Identifier: Apache-2.0
#include "build/image/grub.hpp"

#include "build/image/tools.hpp"

namespace septum::build {
namespace {

namespace fs = std::filesystem;
using Diagnostics = std::vector<config::Diagnostic>;

// Modules for one platform; a folder that is missing is a package that is missing.
Diagnostics need_modules(const char* platform, const char* package) {
    const fs::path folder = fs::path(kGrubLibrary) / platform;
    std::error_code ec;
    if (fs::exists(folder / "moddep.lst", ec))
        return {};
    config::Diagnostic d;
    d.id = "build.tool-missing";
    d.message =
        "grub's modules for `" + std::string(platform) + "` are needed and not installed in `" + folder.string() + "`";
    d.help = "install them: `apt install " + std::string(package) + "`";
    return {std::move(d)};
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

} // namespace

const char* grub_config() {
    return "set timeout=0\n"
           "multiboot2 /boot/septum.elf\n"
           "module2 /boot/appliance.sep\n"
           "boot\n";
}

fs::path grub_hybrid_mbr() {
    return fs::path(kGrubLibrary) / "i386-pc" / "boot_hybrid.img";
}

Diagnostics make_bios_image(const fs::path& file, const Scratch& scratch) {
    if (auto missing = need_modules("i386-pc", "grub-pc-bin"); !missing.empty())
        return missing;
    return run_tool(grub_mkimage(),
                    {"--format=i386-pc-eltorito", "--directory=" + (fs::path(kGrubLibrary) / "i386-pc").string(),
                     "--prefix=/boot/grub", "--output=" + file.string(), "biosdisk", "iso9660", "normal", "multiboot2"},
                    scratch);
}

Diagnostics make_efi_image(const fs::path& file, const std::string& volume_uuid, const Scratch& scratch) {
    if (auto missing = need_modules("x86_64-efi", "grub-efi-amd64-bin"); !missing.empty())
        return missing;
    const fs::path config = scratch.path() / "efi.cfg";
    const fs::path program = scratch.path() / "BOOTX64.EFI";
    if (auto failed = write_scratch(config, bytes_of("search.fs_uuid " + volume_uuid +
                                                     " root\n"
                                                     "set prefix=($root)/boot/grub\n"));
        !failed.empty())
        return failed;
    if (auto failed =
            run_tool(grub_mkimage(),
                     {"--format=x86_64-efi", "--directory=" + (fs::path(kGrubLibrary) / "x86_64-efi").string(),
                      "--config=" + config.string(), "--prefix=/boot/grub", "--output=" + program.string(), "iso9660",
                      "search_fs_uuid", "normal", "multiboot2"},
                     scratch);
        !failed.empty())
        return failed;

    // A FAT with 32 sectors to spare for its own structures and folders, in whole tracks of 32 sectors.
    std::error_code ec;
    const auto size = fs::file_size(program, ec);
    if (ec) {
        config::Diagnostic d;
        d.id = "build.tool-failed";
        d.message = "`grub-mkimage` wrote no `" + program.string() + "`: " + ec.message();
        return {std::move(d)};
    }
    const auto sectors = ((size + 511) / 512 + 64 + 31) / 32 * 32;
    const std::string image = file.string();
    const std::vector<std::pair<Tool, std::vector<std::string>>> steps = {
        {mtool("mformat"),
         {"-C", "-i", image, "-T", std::to_string(sectors), "-h", "1", "-s", "32", "-N", "53455054", "-v", "SEPTUM",
          "::"}},
        {mtool("mmd"), {"-i", image, "::EFI", "::EFI/BOOT"}},
        {mtool("mcopy"), {"-i", image, program.string(), "::EFI/BOOT/BOOTX64.EFI"}},
    };
    for (const auto& [tool, arguments] : steps)
        if (auto failed = run_tool(tool, arguments, scratch); !failed.empty())
            return failed;
    return {};
}

} // namespace septum::build
