// SPDX-License-Identifier: Apache-2.0
// What firmware and GRUB load from an image, by every way that there is into it, is what was judged.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/words.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// Of an image of one kind: the texts and files that it must have, and those that it may have.
struct Expected {
    std::vector<std::string_view> configs;    // grub.cfg is one of these
    std::vector<std::string_view> files;      // each once
    std::vector<std::string_view> also;       // once or not at all; nothing else
    std::vector<std::string_view> programs;   // GRUB for each kind of firmware, if it must be there
    std::string_view prefix;                  // where they look for grub.cfg
    std::optional<std::string_view> built_in; // what they run without looking for it
};

const Expected kIso{
    .configs = {"set timeout=0\nmultiboot2 /boot/septum.elf\nmodule2 /boot/appliance.sep\nboot\n"},
    .files = {"/boot/grub/grub.cfg", "/boot/septum.elf", "/boot/appliance.sep"},
    .also = {"/boot/grub/bios.img", "/boot/grub/efi.img", "/boot/grub/boot.cat", "efi:/efi/boot/bootx64.efi"},
    .programs = {},
    .prefix = "/boot/grub",
    .built_in = {},
};
const Expected kDisk{
    .configs = {"set timeout=0\nmultiboot2 /a/septum.elf\nmodule2 /a/appliance.sep\nboot\n",
                "set timeout=0\nmultiboot2 /b/septum.elf\nmodule2 /b/appliance.sep\nboot\n"},
    .files = {"/boot/grub/grub.cfg", "efi:/efi/boot/bootx64.efi"},
    .also = {"/a/septum.elf", "/a/appliance.sep", "/b/septum.elf", "/b/appliance.sep"},
    .programs = {"GRUB for BIOS", "GRUB for UEFI"},
    .prefix = "(,gpt3)/boot/grub",
    .built_in = {},
};
const Expected kNetboot{
    .configs = {},
    .files = {"septum.elf", "appliance.sep", "grub-bios.0", "grub-x64.efi"},
    .also = {},
    .programs = {"GRUB for BIOS", "GRUB for UEFI"},
    .prefix = "",
    .built_in = "multiboot2 $prefix/septum.elf\nmodule2 $prefix/appliance.sep\nboot\n",
};

const Expected& expected_of(ImageKind kind) {
    return kind == ImageKind::disk ? kDisk : kind == ImageKind::netboot ? kNetboot : kIso;
}

bool among(const std::vector<std::string_view>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

void files(const ImageFacts& image, const Expected& expected, Judge& judge) {
    for (const std::string_view path : expected.files) {
        const ImageFile* file = image.find(path);
        if (file == nullptr || file->symlink) {
            judge.violated({.message = fmt::format("the image has {} file `{}`, expected exactly one",
                                                   file == nullptr ? "no" : "no plain", path),
                            .key = std::string(path),
                            .witness = std::string(path)});
        }
    }
    // GRUB loads modules and lists of commands that lie where grub.cfg does, and firmware other programs.
    for (const ImageFile& file : image.files) {
        if (!among(expected.files, file.path) && !among(expected.also, file.path)) {
            judge.violated(
                {.message = fmt::format("the image has a file `{}`, which is none of an appliance's", file.path),
                 .key = "more:" + file.path,
                 .witness = file.path});
        }
    }
}

void config(const ImageFacts& image, const Expected& expected, Judge& judge) {
    if (expected.configs.empty()) {
        return;
    }
    const std::string text(image.grub_text.begin(), image.grub_text.end());
    if (among(expected.configs, text)) {
        return;
    }
    std::ptrdiff_t most = 0; // as far as one of the texts goes
    for (const std::string_view config : expected.configs) {
        most =
            std::max(most, std::mismatch(text.begin(), text.end(), config.begin(), config.end()).first - text.begin());
    }
    const auto line = 1 + std::count(text.begin(), text.begin() + most, '\n');
    judge.violated(
        {.message = fmt::format("`{}` is not the expected four lines: it differs in line {}", image.grub_path, line),
         .key = "grub.cfg",
         .witness = fmt::format("{}:{}", image.grub_path, line)});
}

// GRUB's way to the ISO from the file system that UEFI started it from: by the date of the volume's last modification
// (ECMA-119 §8.4.27), in GRUB's spelling.
std::string search_for_volume(const ImageFacts& image) {
    constexpr std::uint64_t kDate = 16 * 2048 + 830;
    constexpr std::array<std::size_t, 7> kDigits = {4, 2, 2, 2, 2, 2, 2};
    std::string uuid;
    std::uint64_t at = kDate;
    for (const std::size_t digits : kDigits) {
        uuid += uuid.empty() ? "" : "-";
        if (const auto part = decode::slice(image.iso.bytes, at, digits)) {
            uuid.append(part->begin(), part->end());
        }
        at += digits;
    }
    return "search.fs_uuid " + uuid + " root\nset prefix=($root)/boot/grub\n";
}

std::optional<std::string> commands(const ImageFacts& image, const Expected& expected, const ImageProgram& program) {
    if (image.kind == ImageKind::iso && program.name == "GRUB for UEFI") {
        return search_for_volume(image);
    }
    return expected.built_in ? std::optional<std::string>(*expected.built_in) : std::nullopt;
}

void programs(const ImageFacts& image, const Expected& expected, Judge& judge) {
    for (const std::string_view name : expected.programs) {
        if (std::none_of(image.programs.begin(), image.programs.end(),
                         [&](const ImageProgram& each) { return each.name == name; })) {
            judge.violated({.message = fmt::format("the image has no {}", name), .key = "no:" + std::string(name)});
        }
    }
    for (const ImageProgram& each : image.programs) {
        if (!each.program) {
            judge.violated({.message = fmt::format("{} is not one of GRUB's programs, or is damaged", each.name),
                            .key = "unreadable:" + each.name});
            continue;
        }
        if (each.program->prefix != expected.prefix) {
            judge.violated({.message = fmt::format("{} looks for grub.cfg in `{}`, expected `{}`", each.name,
                                                   each.program->prefix, expected.prefix),
                            .key = "prefix:" + each.name});
        }
        const auto& built_in = each.program->config;
        const std::optional<std::string> wanted = commands(image, expected, each);
        if (built_in != wanted) {
            std::string witness = built_in.value_or("");
            std::replace(witness.begin(), witness.end(), '\n', ';');
            judge.violated({.message = fmt::format("{} has {} built in, expected {}", each.name,
                                                   built_in ? "other commands" : "no commands",
                                                   wanted ? "those that lead to the appliance" : "none"),
                            .key = "built-in:" + each.name,
                            .witness = witness});
        }
    }
}

// The partitions that GRUB's prefix and its boot sector count on, and the boot sector itself (GRUB 2.06,
// include/grub/i386/pc/boot.h: kernel_sector; diskboot.S: the list of blocks at the first sector's end).
void disk(const ImageFacts& image, Judge& judge) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> types = {{
        {"21686148-6449-6e6f-744e-656564454649", "a BIOS boot partition"},
        {"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "an EFI system partition"},
        {"ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "a partition for data"},
    }};
    std::array<bool, types.size()> seen{};
    for (const decode::GptPartition& partition : image.gpt.partitions) {
        const std::string number = std::to_string(partition.number);
        if (partition.number > types.size()) {
            judge.violated({.message = fmt::format("the disk has a partition {}, expected 3 of them", number),
                            .key = "partition:" + number,
                            .witness = fmt::format("sector {}", partition.first)});
            continue;
        }
        seen[partition.number - 1] = true;
        const auto& [type, what] = types[partition.number - 1];
        if (partition.type != type) {
            judge.violated({.message = fmt::format("partition {} is of type {}, expected {}: {}", number,
                                                   partition.type, what, type),
                            .key = "type:" + number});
        }
    }
    for (std::size_t i = 0; i < seen.size(); ++i) {
        if (!seen[i]) {
            judge.violated({.message = fmt::format("the disk has no partition {}, expected {}", i + 1, types[i].second),
                            .key = "partition:" + std::to_string(i + 1)});
        }
    }
    const auto core = std::find_if(image.gpt.partitions.begin(), image.gpt.partitions.end(),
                                   [](const decode::GptPartition& each) { return each.number == 1; });
    if (core == image.gpt.partitions.end()) {
        return;
    }
    constexpr std::uint64_t kKernelSector = 0x5C;
    constexpr std::uint64_t kBlocks = 0x200 - 12; // 8 bytes sector, 2 bytes count, 2 bytes segment; going down
    constexpr std::uint64_t kBlockSize = 12;
    const auto begins = decode::le64(image.gpt.bytes, kKernelSector);
    if (begins != core->first) {
        judge.violated({.message = fmt::format("the boot sector loads sector {}, expected the first of partition 1: {}",
                                               begins.value_or(0), core->first),
                        .key = "boot-sector",
                        .witness = "disk offset 0x5c"});
    }
    const ByteSpan bytes = image.gpt.contents(*core);
    const auto first = decode::le64(bytes, kBlocks);
    const auto count = decode::le16(bytes, kBlocks + 8);
    const auto segment = decode::le16(bytes, kBlocks + 10);
    const auto behind = decode::le64(bytes, kBlocks - kBlockSize);
    const std::uint64_t room = core->last - core->first;
    if (first != core->first + 1 || !count || *count == 0 || *count > room || segment != 0x820U || behind != 0U) {
        judge.violated({.message = fmt::format("GRUB's first sector loads {} sectors from {} on, expected those that "
                                               "follow it in partition 1: {} on, at most {}",
                                               count.value_or(0), first.value_or(0), core->first + 1, room),
                        .key = "block-list",
                        .witness = fmt::format("disk offset {:#x}", core->offset() + kBlocks)});
    }
}

// As a USB stick: the boot sector loads the BIOS program from its fifth sector of 512 bytes on (GRUB 2.06, boot_hybrid:
// kernel_sector at 0x1B0), and every EFI system partition is the file that was looked into (UEFI 2.10 §5.3).
void stick(const ImageFacts& image, Judge& judge) {
    constexpr std::uint64_t kKernelSector = 0x1B0;
    constexpr std::uint64_t kSector = decode::kDiskSector;
    constexpr std::uint64_t kMostEntries = 1024;
    constexpr std::uint64_t kEntry = 128;
    constexpr std::array<std::uint8_t, 16> kEfiSystem = {0x28, 0x73, 0x2A, 0xC1, 0x1F, 0xF8, 0xD2, 0x11,
                                                         0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B};
    const ByteSpan bytes = image.iso.bytes;
    const decode::IsoFile* const bios = image.iso.find("/boot/grub/bios.img");
    const decode::IsoFile* const efi = image.iso.find("/boot/grub/efi.img");
    if (decode::le16(bytes, 510) == 0xAA55U) {
        const auto begins = decode::le64(bytes, kKernelSector);
        if (bios == nullptr || begins != bios->offset / kSector + 4) {
            judge.violated({.message = fmt::format("the boot sector loads sector {}, expected the fifth of "
                                                   "`/boot/grub/bios.img`",
                                                   begins.value_or(0)),
                            .key = "boot-sector",
                            .witness = "image offset 0x1b0"});
        }
    }
    if (!decode::looks_like_gpt(bytes)) {
        return;
    }
    for (const std::uint64_t header : {std::uint64_t{1}, decode::le64(bytes, kSector + 32).value_or(0)}) {
        const std::uint64_t at = header < bytes.size() / kSector ? header * kSector : bytes.size();
        const auto entries = decode::le64(bytes, at + 72);
        const auto count = decode::le32(bytes, at + 80);
        const bool known = entries && count && *count <= kMostEntries && *entries < bytes.size() / kSector &&
                           decode::le32(bytes, at + 84) == kEntry &&
                           decode::slice(bytes, *entries * kSector, *count * kEntry).has_value();
        if (!known) {
            judge.violated(
                {.message = fmt::format("the partition table in sector {} is not of a form that is known", header),
                 .key = fmt::format("table:{}", header == 1 ? "primary" : "backup")});
            continue;
        }
        for (std::uint64_t i = 0; i < *count; ++i) {
            const ByteSpan entry = bytes.subspan(*entries * kSector + i * kEntry, kEntry);
            if (std::equal(kEfiSystem.begin(), kEfiSystem.end(), entry.begin()) &&
                (efi == nullptr || decode::le64(entry, 32) != efi->offset / kSector)) {
                judge.violated({.message = fmt::format("an EFI system partition begins in sector {}, expected that of "
                                                       "`/boot/grub/efi.img`",
                                                       *decode::le64(entry, 32)),
                                .key = fmt::format("partition:{}", i + 1),
                                .witness = fmt::format("image offset {:#x}", *entries * kSector + i * kEntry)});
            }
        }
    }
}

// El Torito: each entry starts the program that was looked at.
void iso(const ImageFacts& image, Judge& judge) {
    for (const decode::IsoBootEntry& entry : image.iso.boot) {
        const char* const path = entry.platform == 0      ? "/boot/grub/bios.img"
                                 : entry.platform == 0xEF ? "/boot/grub/efi.img"
                                                          : "";
        const decode::IsoFile* const file = image.iso.find(path);
        if (file == nullptr || file->offset != entry.offset) {
            judge.violated({.message = fmt::format("the boot catalogue starts what lies at {:#x} on platform {:#x}, "
                                                   "expected `{}`",
                                                   entry.offset, entry.platform, *path == '\0' ? "nothing" : path),
                            .key = fmt::format("el-torito:{:#x}", entry.platform)});
        }
    }
    if (image.iso.joliet) {
        judge.violated({.message = "the image has a second directory tree (Joliet), which a loader might read instead",
                        .key = "joliet"});
    }
}

// The same for the solver: names and commands as texts, places as words.
class BySolver {
public:
    BySolver(const ImageFacts& image, const Expected& expected) : image_(image), expected_(expected) {
        programs();
        if (image.kind == ImageKind::disk) {
            disk();
        } else if (image.kind == ImageKind::iso) {
            entries();
            stick();
        }
    }

    [[nodiscard]] smt::Answer ask(unsigned timeout) {
        std::vector<std::string> names;
        for (const ImageFile& file : image_.files) {
            names.push_back(file.path);
        }
        for (const std::string_view path : expected_.files) {
            words_.is(static_cast<std::uint64_t>(std::count(names.begin(), names.end(), path)), 1);
        }
        for (const ImageFile& file : image_.files) {
            if (std::count(expected_.files.begin(), expected_.files.end(), file.path) != 0) {
                words_.is(file.symlink ? 1 : 0, 0);
            }
        }
        std::vector<std::string> may(expected_.files.begin(), expected_.files.end());
        may.insert(may.end(), expected_.also.begin(), expected_.also.end());
        std::vector<smt::Answer> answers{
            smt::texts_allowed("image.boot-path: files", names, texts(expected_.files), may, timeout),
            smt::texts_allowed("image.boot-path: programs", programs_, texts(expected_.programs), programs_, timeout)};
        if (!expected_.configs.empty()) {
            const std::vector<std::string> config{{image_.grub_text.begin(), image_.grub_text.end()}};
            answers.push_back(
                smt::texts_allowed("image.boot-path: grub.cfg", config, {}, texts(expected_.configs), timeout));
        }
        if (image_.kind == ImageKind::disk) {
            answers.push_back(
                smt::texts_allowed("image.boot-path: partitions", partitions_, kPartitions, kPartitions, timeout));
        }
        answers.push_back(words_.allowed("image.boot-path: places", timeout));
        return smt::together(std::move(answers));
    }

private:
    static std::vector<std::string> texts(const std::vector<std::string_view>& views) {
        return {views.begin(), views.end()};
    }
    // A number that may be missing, as it should be.
    template <typename T>
    void found(const std::optional<T>& number, std::uint64_t expected) {
        number ? words_.is(*number, expected) : words_.lacking();
    }

    void programs() {
        for (const ImageProgram& each : image_.programs) {
            programs_.push_back(each.name);
            if (!each.program) {
                words_.lacking();
                continue;
            }
            words_.text(each.program->prefix, expected_.prefix);
            const std::optional<std::string> wanted = commands(image_, expected_, each);
            words_.is(each.program->config ? 1 : 0, wanted ? 1 : 0);
            words_.text(each.program->config.value_or(""), wanted.value_or(""));
        }
    }

    void disk() {
        const decode::GptPartition* core = nullptr;
        for (const decode::GptPartition& partition : image_.gpt.partitions) {
            partitions_.push_back(fmt::format("{}: {}", partition.number, partition.type));
            core = core == nullptr && partition.number == 1 ? &partition : core;
        }
        if (core == nullptr) {
            return;
        }
        // boot.S: where it loads from; diskboot.S: the last two of the blocks that grow down from the sector's end.
        const ByteSpan bytes = image_.gpt.contents(*core);
        found(decode::le64(image_.gpt.bytes, 0x5C), core->first);
        found(decode::le64(bytes, 500), core->first + 1);
        found(decode::le16(bytes, 510), 0x820);
        found(decode::le64(bytes, 488), 0);
        words_.between(decode::le16(bytes, 508).value_or(0), 1, std::max<std::uint64_t>(core->last - core->first, 1));
        words_.between(core->last, core->first + 1, ~0ULL);
    }

    void entries() {
        words_.is(image_.iso.joliet ? 1 : 0, 0);
        for (const decode::IsoBootEntry& entry : image_.iso.boot) {
            words_.is(entry.platform, entry.platform == 0 ? 0 : 0xEF);
            const decode::IsoFile* const file =
                image_.iso.find(entry.platform == 0 ? "/boot/grub/bios.img" : "/boot/grub/efi.img");
            file != nullptr ? words_.is(entry.offset, file->offset) : words_.lacking();
        }
    }

    void stick() {
        const ByteSpan bytes = image_.iso.bytes;
        if (decode::le16(bytes, 510) == 0xAA55U) {
            const decode::IsoFile* const bios = image_.iso.find("/boot/grub/bios.img");
            bios != nullptr ? found(decode::le64(bytes, 0x1B0), bios->offset / 512 + 4) : words_.lacking();
        }
        if (decode::looks_like_gpt(bytes)) {
            table(1);
            table(decode::le64(bytes, 512 + 32).value_or(0));
        }
    }

    // Header fields and entries of a partition table (UEFI 2.10 §5.3.2, §5.3.3).
    void table(std::uint64_t sector) {
        const ByteSpan bytes = image_.iso.bytes;
        const std::uint64_t sectors = bytes.size() / 512;
        const auto header = sector < sectors ? decode::slice(bytes, sector * 512, 512) : std::nullopt;
        const std::uint64_t first = header ? *decode::le64(*header, 72) : ~0ULL;
        const std::uint64_t count = header ? *decode::le32(*header, 80) : 0;
        const auto entries =
            header && first < sectors && count <= 1024 ? decode::slice(bytes, first * 512, count * 128) : std::nullopt;
        if (!entries || *decode::le32(*header, 84) != 128) {
            words_.lacking();
            return;
        }
        const decode::IsoFile* const efi = image_.iso.find("/boot/grub/efi.img");
        for (std::uint64_t at = 0; at < entries->size(); at += 128) {
            if (decode::le64(*entries, at) == 0x11D2'F81F'C12A'7328ULL &&
                decode::le64(*entries, at + 8) == 0x3BC9'3EC9'A000'4BBAULL) { // an EFI system partition
                efi != nullptr ? words_.is(*decode::le64(*entries, at + 32), efi->offset / 512) : words_.lacking();
            }
        }
    }

    inline static const std::vector<std::string> kPartitions{"1: 21686148-6449-6e6f-744e-656564454649",
                                                             "2: c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
                                                             "3: ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"};
    const ImageFacts& image_;
    const Expected& expected_;
    Words words_;
    std::vector<std::string> programs_;
    std::vector<std::string> partitions_;
};

void boot_path(const Context& context, Judge& judge) {
    if (!context.facts->image) {
        judge.not_applicable("no image given: a bundle alone has no boot path");
        return;
    }
    const ImageFacts& image = *context.facts->image;
    const Expected& expected = expected_of(image.kind);
    files(image, expected, judge);
    config(image, expected, judge);
    programs(image, expected, judge);
    if (image.kind == ImageKind::disk) {
        disk(image, judge);
    } else if (image.kind == ImageKind::iso) {
        iso(image, judge);
        stick(image, judge);
    }
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return BySolver(image, expected).ask(timeout); });
}

} // namespace

const Property kImageBootPath{
    .id = "image.boot-path",
    .title = "GRUB loads exactly the judged kernel and bundle",
    .statement =
        "grub.cfg is the four expected lines and nothing else; there is one, and no file beside those of an "
        "appliance. GRUB's programs look for it there, or have just the expected commands built in. On a disk the "
        "boot sector loads GRUB from partition 1, and there are the three expected partitions; an ISO's boot entries, "
        "boot sector and partition table start the same programs.",
    .level = Level::bytes,
    .rests_on = "the code of GRUB's boot sector, programs and modules; firmware that starts them",
    .manual = "ECMA-119; El Torito 1.0; UEFI 2.10 §5; fatgen103; POSIX ustar; Multiboot2 §3",
    .mend = kAlteredOnItsWay,
    .bytes = boot_path,
};

} // namespace septum::verifier
