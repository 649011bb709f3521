// SPDX-License-Identifier: Apache-2.0
#include "build/image/iso.hpp"

#include "build/image/content.hpp"
#include "build/image/grub.hpp"
#include "build/image/scratch.hpp"
#include "build/image/tools.hpp"

#include <algorithm>
#include <cstdio>
#include <future>

namespace septum::build {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kHeaderPage = 4096;

// ECMA-119 §7.4.1: a volume identifier has capital letters, digits and underlines, at most 32.
std::string volume_id(const std::string& name) {
    std::string id;
    for (const char c : name.substr(0, 32)) {
        if (c >= 'a' && c <= 'z')
            id += static_cast<char>(c - 'a' + 'A');
        else
            id += (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
    }
    return id.empty() ? "SEPTUM" : id;
}

// GRUB tells volumes apart by the date of their last modification (ECMA-119 §8.4.27). Ours says nothing about
// time: it is a valid date chosen by the content, so that two appliances in one machine are not mixed up and two
// builds of one appliance are the same. Of the bundle its first page is enough: the manifest's header is there, with
// the digest that covers all the rest.
struct VolumeDate {
    std::string digits; // YYYYMMDDhhmmsscc
    std::string uuid;   // YYYY-MM-DD-hh-mm-ss-cc
};

VolumeDate volume_date(const ContentDigest& digest) {
    const auto pick = [&](std::size_t byte, unsigned choices) {
        return (static_cast<unsigned>(digest[byte]) << 8 | digest[byte + 1]) % choices;
    };
    char text[32];
    std::snprintf(text, sizeof text, "%04u-%02u-%02u-%02u-%02u-%02u-%02u", 2000 + pick(0, 100), 1 + pick(2, 12),
                  1 + pick(4, 28), pick(6, 24), pick(8, 60), pick(10, 60), pick(12, 100));
    VolumeDate date{"", text};
    for (const char c : date.uuid)
        if (c != '-')
            date.digits += c;
    return date;
}

} // namespace

struct IsoMaker::Begun {
    explicit Begun(Scratch folder) : scratch(std::move(folder)) {}
    Scratch scratch;
    std::future<std::vector<config::Diagnostic>> bios; // declared last, so waited for first
};

IsoMaker::IsoMaker(IsoMaker&&) noexcept = default;
IsoMaker& IsoMaker::operator=(IsoMaker&&) noexcept = default;
IsoMaker::~IsoMaker() = default;
IsoMaker::IsoMaker(std::unique_ptr<Begun> begun) : begun_(std::move(begun)) {}

config::Outcome<IsoMaker> IsoMaker::begin() {
    auto scratch = Scratch::make();
    if (!scratch.ok())
        return {std::nullopt, std::move(scratch.diagnostics)};
    auto begun = std::make_unique<Begun>(std::move(*scratch.value));
    begun->bios = std::async(std::launch::async, [folder = &begun->scratch] {
        return make_bios_image(folder->path() / "bios.img", *folder);
    });
    return {IsoMaker(std::move(begun)), {}};
}

config::Outcome<Bytes> make_iso(std::span<const std::uint8_t> kernel, std::span<const std::uint8_t> bundle,
                                const IsoOptions& options) {
    auto maker = IsoMaker::begin();
    if (!maker.ok())
        return {std::nullopt, std::move(maker.diagnostics)};
    return maker.value->finish(kernel, bundle, options);
}

config::Outcome<Bytes> IsoMaker::finish(std::span<const std::uint8_t> kernel, std::span<const std::uint8_t> bundle,
                                        const IsoOptions& options) {
    const auto digest = content_digest({kernel, bundle.first(std::min(bundle.size(), kHeaderPage)),
                                        bytes_of(grub_config()), bytes_of(options.volume),
                                        bytes_of(options.uefi ? "uefi" : "")});
    if (!digest.ok())
        return {std::nullopt, digest.diagnostics};
    const VolumeDate date = volume_date(*digest.value);
    const Scratch& scratch = begun_->scratch;
    const auto& folder = scratch.path();

    for (const auto& [name, bytes] :
         {std::pair{"grub.cfg", bytes_of(grub_config())}, {"septum.elf", kernel}, {"appliance.sep", bundle}})
        if (auto failed = write_scratch(folder / name, bytes); !failed.empty())
            return {std::nullopt, std::move(failed)};
    std::vector<config::Diagnostic> efi;
    if (options.uefi)
        efi = make_efi_image(folder / "efi.img", date.uuid, scratch);
    if (auto failed = begun_->bios.get(); !failed.empty())
        return {std::nullopt, std::move(failed)};
    if (!efi.empty())
        return {std::nullopt, std::move(efi)};

    // -r: Rock Ridge names, nobody's owner and rights. The MBR and the GPT make the same file start from a USB stick.
    const std::string iso = (folder / "out.iso").string();
    std::vector<std::string> words = {"-no_rc",
                                      "-stdio_sync", // the scratch folder need not survive a power cut
                                      "off",
                                      "-as",
                                      "mkisofs",
                                      "-quiet",
                                      "-o",
                                      iso,
                                      "-r",
                                      "-no-pad",
                                      "-graft-points",
                                      "-V",
                                      volume_id(options.volume),
                                      "-preparer",
                                      "SEPTUM",
                                      "-appid",
                                      "SEPTUM",
                                      "--modification-date=" + date.digits,
                                      "--set_all_file_dates",
                                      "2026010100000000",
                                      "--gpt_disk_guid",
                                      "modification-date",
                                      "-c",
                                      "/boot/grub/boot.cat",
                                      "-b",
                                      "/boot/grub/bios.img",
                                      "-no-emul-boot",
                                      "-boot-load-size",
                                      "4",
                                      "-boot-info-table",
                                      "--grub2-boot-info",
                                      "--grub2-mbr",
                                      grub_hybrid_mbr().string()};
    if (options.uefi)
        words.insert(words.end(), {"--efi-boot", "/boot/grub/efi.img", "-efi-boot-part", "--efi-boot-image"});
    words.push_back("--protective-msdos-label");
    const auto graft = [&](const std::string& path, const char* file) {
        words.push_back(path + "=" + (folder / file).string());
    };
    graft(kGrubConfigPath, "grub.cfg");
    graft(kKernelPath, "septum.elf");
    graft(kBundlePath, "appliance.sep");
    graft("/boot/grub/bios.img", "bios.img");
    if (options.uefi)
        graft("/boot/grub/efi.img", "efi.img");
    if (auto failed = run_tool(xorriso(), words, scratch); !failed.empty())
        return {std::nullopt, std::move(failed)};
    return read_scratch(iso);
}

} // namespace septum::build
