// SPDX-License-Identifier: Apache-2.0
// Multiboot, version 0.6.96: what a loader gives a kernel.
#include "build/tables/info_image.hpp"
#include "build/tables/payload_error.hpp"

#include <algorithm>

namespace septum::build {
namespace {

constexpr char kLoaderName[] = "Septum";

// The header (§3.1): somewhere in the first 8 KiB, aligned to four bytes; magic, flags and checksum add up to zero.
constexpr std::uint32_t kHeaderMagic = 0x1BAD'B002;
constexpr std::size_t kHeaderSearch = 8192;
constexpr std::uint32_t kMustUnderstand = 0xFFFF;
constexpr std::uint32_t kAlignModules = 1U << 0; // ours are in whole pages always
constexpr std::uint32_t kWantsMemory = 1U << 1;  // and memory is always told
constexpr std::uint32_t kWantsVideo = 1U << 2;
constexpr std::uint32_t kHasAddresses = 1U << 16;

// The boot information (§3.3).
constexpr std::uint32_t kLoaderMagic = 0x2BAD'B002;
namespace info {
constexpr std::size_t kFlags = 0;
constexpr std::size_t kLower = 4;
constexpr std::size_t kUpper = 8;
constexpr std::size_t kCommandLineAt = 16;
constexpr std::size_t kModules = 20;
constexpr std::size_t kModuleList = 24;
constexpr std::size_t kMapLength = 44;
constexpr std::size_t kMapAddress = 48;
constexpr std::size_t kLoader = 64;
constexpr std::size_t kSize = 116;
constexpr std::uint32_t kHasMemory = 1U << 0;
constexpr std::uint32_t kHasCommandLine = 1U << 2;
constexpr std::uint32_t kHasModules = 1U << 3;
constexpr std::uint32_t kHasMap = 1U << 6;
constexpr std::uint32_t kHasLoader = 1U << 9;
} // namespace info
constexpr std::size_t kModuleAt = 128; // start, end, string, reserved
constexpr std::size_t kModuleSize = 16;
constexpr std::size_t kLoaderAt = kModuleAt + kModuleSize;
constexpr std::size_t kMapAt = 160; // size of the rest, address, length, type
constexpr std::size_t kMapEntrySize = 24;

// Flags of the header, if there is one.
std::optional<std::uint32_t> find_header(ByteView file) {
    const std::size_t end = std::min(file.size(), kHeaderSearch);
    for (std::size_t at = 0; at + 12 <= end; at += 4) {
        const auto flags = load<std::uint32_t>(file, at + 4);
        if (load<std::uint32_t>(file, at) == kHeaderMagic &&
            kHeaderMagic + flags + load<std::uint32_t>(file, at + 8) == 0) {
            return flags;
        }
    }
    return std::nullopt;
}

// Empty when we can start what has this header, else what is wrong.
std::string check_header(std::optional<std::uint32_t> flags) {
    if (!flags) {
        return "has no Multiboot header: expected 0x1badb002 with its checksum in the first 8 KiB, found none";
    }
    if ((*flags & kHasAddresses) != 0) {
        return "says its load addresses in the Multiboot header (flag 16), expected it to leave them to the ELF";
    }
    if ((*flags & kWantsVideo) != 0) {
        return "asks for a video mode (flag 2), but a partition has no display";
    }
    if (const std::uint32_t unknown = *flags & kMustUnderstand & ~(kAlignModules | kWantsMemory); unknown != 0) {
        return "asks for what this loader does not know: expected flags 0 and 1 at most, found " +
               format_address(*flags & kMustUnderstand);
    }
    return {};
}

std::vector<std::uint8_t> make_information(const PlannedPartition& partition, const PlacedModule* module) {
    const std::vector<MapEntry> map = memory_map(partition);
    std::vector<std::uint8_t> page(kMapAt + map.size() * kMapEntrySize, 0);
    std::uint32_t flags = info::kHasMemory | info::kHasCommandLine | info::kHasMap | info::kHasLoader;
    std::uint64_t upper = 0; // contiguous RAM from 1 MiB on
    for (const MapEntry& entry : map) {
        upper = entry.type == MapType::ram && entry.base == kHighRam ? entry.size : upper;
    }
    store32(page, info::kLower, kLowRamEnd / 1024);
    store32(page, info::kUpper, static_cast<std::uint32_t>(upper / 1024));
    store32(page, info::kCommandLineAt, static_cast<std::uint32_t>(kInformationLine));
    if (module != nullptr) {
        flags |= info::kHasModules;
        store32(page, info::kModules, 1);
        store32(page, info::kModuleList, static_cast<std::uint32_t>(kInformation + kModuleAt));
        store32(page, kModuleAt, static_cast<std::uint32_t>(module->at));
        store32(page, kModuleAt + 4, static_cast<std::uint32_t>(module->at + module->size));
    }
    store32(page, info::kMapLength, static_cast<std::uint32_t>(map.size() * kMapEntrySize));
    store32(page, info::kMapAddress, static_cast<std::uint32_t>(kInformation + kMapAt));
    for (std::size_t i = 0; i < map.size(); ++i) {
        const std::size_t at = kMapAt + i * kMapEntrySize;
        store32(page, at, static_cast<std::uint32_t>(kMapEntrySize - 4));
        store64(page, at + 4, map[i].base);
        store64(page, at + 12, map[i].size);
        store32(page, at + 20, static_cast<std::uint32_t>(map[i].type));
    }
    store32(page, info::kLoader, static_cast<std::uint32_t>(kInformation + kLoaderAt));
    std::copy(std::begin(kLoaderName), std::end(kLoaderName), page.begin() + kLoaderAt);
    store32(page, info::kFlags, flags);
    return page;
}
static_assert(info::kSize <= kModuleAt && kLoaderAt + sizeof kLoaderName <= kMapAt);

} // namespace

config::Outcome<GuestImage> multiboot_image(const Plan& plan, std::size_t index, const config::Partition& declared,
                                            const NamedBytes& kernel, const NamedBytes* module) {
    config::Outcome<GuestImage> outcome;
    ElfFile elf_file;
    FormatError error;
    if (!read_elf(kernel.bytes, elf_file, error, ElfKind::x86)) {
        outcome.diagnostics.push_back(payload_error("payload.format", kernel, error.message,
                                                    "expected an ELF with a Multiboot header", error.help));
        return outcome;
    }
    if (std::string wrong = check_header(find_header(kernel.bytes)); !wrong.empty()) {
        outcome.diagnostics.push_back(payload_error("payload.format", kernel, std::move(wrong),
                                                    "cannot be started by Multiboot",
                                                    "a 64-bit ELF without a header boots as `elf`"));
        return outcome;
    }
    outcome.value = information_image(plan, index, declared, kernel, elf_file, elf_file.entry, module, make_information,
                                      outcome.diagnostics);
    if (outcome.value) {
        outcome.value->entry.rax = kLoaderMagic;
    }
    return outcome;
}

} // namespace septum::build
