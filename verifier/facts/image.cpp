// SPDX-License-Identifier: Apache-2.0
// From an image of any kind to the two files that it boots.
#include "verifier/facts/facts.hpp"

#include <algorithm>

namespace septum::verifier {

namespace {

constexpr const char* kGrubConfig = "/boot/grub/grub.cfg";
constexpr const char* kBiosGrub = "GRUB for BIOS";
constexpr const char* kEfiGrub = "GRUB for UEFI";

using Diagnostics = std::vector<config::Diagnostic>;

config::Outcome<ImageFacts> failed(Diagnostics diagnostics) {
    config::Outcome<ImageFacts> outcome;
    outcome.diagnostics = std::move(diagnostics);
    return outcome;
}

config::Diagnostic boot_path_error(std::string message) {
    return decode::error("image.boot-path", std::move(message));
}

// The one file that grub.cfg loads with `verb`, or a diagnostic.
ByteSpan boot_file(const ImageFacts& image, const std::vector<decode::GrubCommand>& commands, const char* verb,
                   std::string& path, Diagnostics& diagnostics) {
    if (commands.size() != 1) {
        diagnostics.push_back(boot_path_error("`" + image.grub_path + "` has to load one file with `" + verb +
                                              "`: expected 1, found " + std::to_string(commands.size())));
        return {};
    }
    path = commands.front().words[1];
    const ImageFile* file = image.find(path);
    if (file == nullptr) {
        diagnostics.push_back(
            boot_path_error("the image has no file `" + path + "`, which `" + image.grub_path + "` loads"));
        return {};
    }
    return file->contents;
}

// What grub.cfg among the files says.
Diagnostics follow_grub_config(ImageFacts& image) {
    const ImageFile* config = image.find(kGrubConfig);
    if (config == nullptr) {
        return {boot_path_error(std::string("the image has no file `") + kGrubConfig + "`")};
    }
    image.grub_path = kGrubConfig;
    image.grub_text = config->contents;
    image.grub = decode::decode_grub_config(image.grub_text);
    Diagnostics diagnostics;
    image.kernel = boot_file(image, image.grub.kernels, "multiboot2", image.kernel_path, diagnostics);
    image.bundle = boot_file(image, image.grub.modules, "module2", image.bundle_path, diagnostics);
    return diagnostics;
}

// What firmware finds in the file system for UEFI.
void add_efi(ImageFacts& image) {
    for (const decode::FatFile& file : image.efi.files) {
        image.files.push_back({"efi:" + file.path, file.contents});
    }
    if (const ImageFile* const file = image.find("efi:/efi/boot/bootx64.efi")) {
        image.programs.push_back({kEfiGrub, decode::decode_grub_efi(file->contents, kEfiGrub)});
    }
}

Diagnostics open_iso(ByteSpan bytes, ImageFacts& image) {
    auto iso = decode::decode_iso(bytes);
    if (!iso.ok()) {
        return std::move(iso.diagnostics);
    }
    image.iso = std::move(*iso.value);
    image.defects.append(image.iso.defects);
    for (const decode::IsoFile& file : image.iso.files) {
        image.files.push_back({file.path, image.iso.contents(file), file.symlink});
    }
    if (const ImageFile* file = image.find("/boot/grub/bios.img")) {
        image.programs.push_back({kBiosGrub, decode::decode_grub_bios(file->contents, decode::kCdStarter, kBiosGrub)});
    }
    if (const decode::IsoFile* const efi = image.iso.find("/boot/grub/efi.img")) {
        auto fat = decode::decode_fat32(image.iso.contents(*efi), "`/boot/grub/efi.img`", efi->offset);
        if (!fat.ok()) {
            return std::move(fat.diagnostics);
        }
        image.efi = std::move(*fat.value);
        image.defects.append(image.efi.defects);
        add_efi(image);
    }
    return follow_grub_config(image);
}

const decode::GptPartition* partition(const decode::Gpt& gpt, unsigned number) {
    for (const decode::GptPartition& each : gpt.partitions) {
        if (each.number == number) {
            return &each;
        }
    }
    return nullptr;
}

// Partition 1: core.img, as GRUB's boot sector loads it; 2: the EFI system partition; 3: everything else.
Diagnostics open_disk(ByteSpan bytes, ImageFacts& image) {
    auto gpt = decode::decode_gpt(bytes);
    if (!gpt.ok()) {
        return std::move(gpt.diagnostics);
    }
    image.gpt = std::move(*gpt.value);
    image.defects.append(image.gpt.defects);
    Diagnostics diagnostics;
    const auto file_system = [&](unsigned number, const char* what, decode::Fat32& into) {
        const decode::GptPartition* const where = partition(image.gpt, number);
        if (where == nullptr) {
            diagnostics.push_back(decode::error("image.layout", "the disk has no partition " + std::to_string(number) +
                                                                    ", expected " + what));
            return;
        }
        auto fat = decode::decode_fat32(image.gpt.contents(*where), what, where->offset());
        if (!fat.ok()) {
            diagnostics.insert(diagnostics.end(), fat.diagnostics.begin(), fat.diagnostics.end());
            return;
        }
        into = std::move(*fat.value);
        image.defects.append(into.defects);
    };
    file_system(2, "the EFI system partition", image.efi);
    file_system(3, "the appliance's partition", image.data);
    if (!diagnostics.empty()) {
        return diagnostics;
    }
    for (const decode::FatFile& file : image.data.files) {
        image.files.push_back({file.path, file.contents});
    }
    if (const decode::GptPartition* const core = partition(image.gpt, 1)) {
        image.programs.push_back(
            {kBiosGrub, decode::decode_grub_bios(image.gpt.contents(*core), decode::kDiskStarter, kBiosGrub)});
    }
    add_efi(image);
    return follow_grub_config(image);
}

Diagnostics open_netboot(ByteSpan bytes, ImageFacts& image) {
    auto archive = decode::decode_tar(bytes);
    if (!archive.ok()) {
        return std::move(archive.diagnostics);
    }
    image.archive = std::move(*archive.value);
    image.defects.append(image.archive.defects);
    for (const decode::TarFile& file : image.archive.files) {
        image.files.push_back({file.path, file.contents});
    }
    Diagnostics diagnostics;
    const auto find = [&](const char* path, std::string& into) {
        const ImageFile* const file = image.find(path);
        if (file == nullptr) {
            diagnostics.push_back(boot_path_error(std::string("the archive has no file `") + path + "`, or two"));
            return ByteSpan{};
        }
        into = path;
        return file->contents;
    };
    image.kernel = find("septum.elf", image.kernel_path);
    image.bundle = find("appliance.sep", image.bundle_path);
    if (const ImageFile* const file = image.find("grub-bios.0")) {
        image.programs.push_back({kBiosGrub, decode::decode_grub_bios(file->contents, decode::kPxeStarter, kBiosGrub)});
    }
    if (const ImageFile* const file = image.find("grub-x64.efi")) {
        image.programs.push_back({kEfiGrub, decode::decode_grub_efi(file->contents, kEfiGrub)});
    }
    return diagnostics;
}

bool looks_like_iso(ByteSpan bytes) {
    constexpr std::string_view mark = "CD001";
    const auto found = decode::slice(bytes, 16 * 2048 + 1, mark.size());
    return found && std::equal(mark.begin(), mark.end(), found->begin());
}

} // namespace

const ImageFile* ImageFacts::find(std::string_view path) const {
    const ImageFile* found = nullptr;
    for (const ImageFile& file : files) {
        if (file.path == path) {
            if (found != nullptr) {
                return nullptr;
            }
            found = &file;
        }
    }
    return found;
}

std::vector<ImageFile> boot_files(const ImageFacts& image) {
    std::vector<ImageFile> out;
    for (const ImageFile& file : image.files) {
        if (file.path != image.kernel_path && file.path != image.bundle_path) {
            out.push_back(file);
        }
    }
    if (image.kind == ImageKind::disk) {
        out.push_back({"boot sector", decode::slice(image.gpt.bytes, 0, 440).value_or(ByteSpan{})});
        if (const decode::GptPartition* const core = partition(image.gpt, 1)) {
            out.push_back({"partition 1", image.gpt.contents(*core)});
        }
    }
    return out;
}

std::optional<ImageKind> kind_of_image(ByteSpan first_bytes) {
    if (looks_like_iso(first_bytes)) { // our ISOs have a partition table as well
        return ImageKind::iso;
    }
    if (decode::looks_like_gpt(first_bytes)) {
        return ImageKind::disk;
    }
    return decode::looks_like_tar(first_bytes) ? std::optional(ImageKind::netboot) : std::nullopt;
}

config::Outcome<ImageFacts> open_image(ByteSpan bytes) {
    ImageFacts image;
    const auto kind = kind_of_image(bytes);
    image.kind = kind.value_or(ImageKind::iso);
    Diagnostics diagnostics = image.kind == ImageKind::disk      ? open_disk(bytes, image)
                              : image.kind == ImageKind::netboot ? open_netboot(bytes, image)
                                                                 : open_iso(bytes, image);
    if (!kind && !diagnostics.empty()) {
        diagnostics.front().notes.emplace_back("it is no disk either (no `EFI PART` at 0x200), and no ustar archive");
    }
    if (!diagnostics.empty()) {
        // Why a file is not found is often said by what was odd before.
        Diagnostics all;
        for (const Defect& defect : image.defects.kept()) {
            all.push_back(decode::to_diagnostic(defect, "image.layout"));
        }
        all.insert(all.end(), diagnostics.begin(), diagnostics.end());
        return failed(std::move(all));
    }
    config::Outcome<ImageFacts> outcome;
    outcome.value = std::move(image);
    return outcome;
}

} // namespace septum::verifier
