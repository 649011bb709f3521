// SPDX-License-Identifier: Apache-2.0
#include "build/image/grub.hpp"

#include "build/image/content.hpp"
#include "build/image/fat.hpp"
#include "build/image/tools.hpp"
#include "config/system_words.hpp"

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

fs::path grub_disk_mbr() {
    return fs::path(kGrubLibrary) / "i386-pc" / "boot.img";
}

Diagnostics make_grub(const fs::path& file, const GrubProgram& program, const Scratch& scratch) {
    const bool efi = program.format == "x86_64-efi";
    const char* const platform = efi ? "x86_64-efi" : "i386-pc";
    if (auto missing = need_modules(platform, efi ? "grub-efi-amd64-bin" : "grub-pc-bin"); !missing.empty())
        return missing;
    std::vector<std::string> words = {"--format=" + program.format,
                                      "--directory=" + (fs::path(kGrubLibrary) / platform).string(),
                                      "--prefix=" + program.prefix, "--output=" + file.string()};
    if (!program.config.empty()) {
        const fs::path config = scratch.path() / "first.cfg";
        if (auto failed = write_scratch(config, bytes_of(program.config)); !failed.empty())
            return failed;
        words.push_back("--config=" + config.string());
    }
    words.insert(words.end(), program.modules.begin(), program.modules.end());
    return run_tool(grub_mkimage(), words, scratch);
}

Diagnostics make_bios_image(const fs::path& file, const Scratch& scratch) {
    return make_grub(file, {"i386-pc-eltorito", "/boot/grub", "", {"biosdisk", "iso9660", "normal", "multiboot2"}},
                     scratch);
}

Diagnostics make_efi_image(const fs::path& file, const std::string& volume_uuid, const Scratch& scratch) {
    const fs::path program = scratch.path() / "BOOTX64.EFI";
    if (auto failed = make_grub(program,
                                {"x86_64-efi",
                                 "/boot/grub",
                                 "search.fs_uuid " + volume_uuid + " root\nset prefix=($root)/boot/grub\n",
                                 {"iso9660", "search_fs_uuid", "normal", "multiboot2"}},
                                scratch);
        !failed.empty())
        return failed;

    // A FAT with 32 sectors to spare for its own structures and folders, in whole tracks of 32 sectors.
    std::error_code ec;
    const auto size = fs::file_size(program, ec);
    if (ec) {
        config::Diagnostic d;
        d.id = "build.tool-failed";
        d.message = "`grub-mkimage` wrote no `" + program.string() + "`: " + config::system_words(ec.value());
        return {std::move(d)};
    }
    const auto sectors = ((size + 511) / 512 + 64 + 31) / 32 * 32;
    return make_fat(file,
                    {.sectors = sectors,
                     .serial = 0x5345'5054,
                     .label = "SEPTUM",
                     .folders = {"EFI", "EFI/BOOT"},
                     .files = {{"EFI/BOOT/BOOTX64.EFI", program}}},
                    scratch);
}

} // namespace septum::build
