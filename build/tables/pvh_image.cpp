// SPDX-License-Identifier: Apache-2.0
// PVH direct boot (Xen docs/misc/pvh.pandoc; xen/include/public/arch-x86/hvm/start_info.h).
#include "build/tables/info_image.hpp"
#include "build/tables/payload_error.hpp"

namespace septum::build {
namespace {

// The note that says where the 32-bit entry is.
constexpr std::string_view kNoteOwner = "Xen";
constexpr std::uint32_t kEntryNote = 18; // XEN_ELFNOTE_PHYS32_ENTRY

// struct hvm_start_info, version 1.
namespace start {
constexpr std::uint32_t kMagicValue = 0x336E'C578;
constexpr std::uint32_t kVersionValue = 1;
constexpr std::size_t kMagic = 0;
constexpr std::size_t kVersion = 4;
constexpr std::size_t kModules = 12;
constexpr std::size_t kModuleList = 16;
constexpr std::size_t kCommandLineAt = 24;
constexpr std::size_t kRsdp = 32;
constexpr std::size_t kMap = 40;
constexpr std::size_t kMapEntries = 48;
constexpr std::size_t kSize = 56;
} // namespace start
constexpr std::size_t kModuleAt = start::kSize; // struct hvm_modlist_entry: address, size, command line, reserved
constexpr std::size_t kModuleSize = 32;
constexpr std::size_t kMapAt = kModuleAt + kModuleSize; // struct hvm_memmap_table_entry: address, size, type, reserved
constexpr std::size_t kMapEntrySize = 24;

std::vector<std::uint8_t> make_start_info(const PlannedPartition& partition, const PlacedModule* module) {
    const std::vector<MapEntry> map = memory_map(partition);
    std::vector<std::uint8_t> page(kMapAt + map.size() * kMapEntrySize, 0);
    store32(page, start::kMagic, start::kMagicValue);
    store32(page, start::kVersion, start::kVersionValue);
    if (module != nullptr) {
        store32(page, start::kModules, 1);
        store64(page, start::kModuleList, kInformation + kModuleAt);
        store64(page, kModuleAt, module->at);
        store64(page, kModuleAt + 8, module->size);
    }
    store64(page, start::kCommandLineAt, kInformationLine);
    store64(page, start::kRsdp, guest::kAcpiBase);
    store64(page, start::kMap, kInformation + kMapAt);
    store32(page, start::kMapEntries, static_cast<std::uint32_t>(map.size()));
    for (std::size_t i = 0; i < map.size(); ++i) {
        const std::size_t at = kMapAt + i * kMapEntrySize;
        store64(page, at, map[i].base);
        store64(page, at + 8, map[i].size);
        store32(page, at + 16, static_cast<std::uint32_t>(map[i].type));
    }
    return page;
}

// The address in the note has the width of the ELF that was linked: four or eight bytes.
std::optional<std::uint64_t> read_entry(const ElfFile& elf_file) {
    const ByteView note = find_note(elf_file, kNoteOwner, kEntryNote);
    if (note.size() == 8) {
        return load<std::uint64_t>(note, 0);
    }
    if (note.size() == 4) {
        return load<std::uint32_t>(note, 0);
    }
    return std::nullopt;
}

} // namespace

config::Outcome<GuestImage> pvh_image(const Plan& plan, std::size_t index, const config::Partition& declared,
                                      const NamedBytes& kernel, const NamedBytes* module) {
    config::Outcome<GuestImage> outcome;
    ElfFile elf_file;
    FormatError error;
    if (!read_elf(kernel.bytes, elf_file, error, ElfKind::x86)) {
        outcome.diagnostics.push_back(
            payload_error("payload.format", kernel, error.message, "expected an ELF with a PVH entry",
                          error.help.empty() ? "of a Linux, the ELF is inside the bzImage: "
                                               "its `vmlinux`; the bzImage itself boots as `linux`"
                                             : error.help));
        return outcome;
    }
    const auto entry = read_entry(elf_file);
    if (!entry) {
        outcome.diagnostics.push_back(
            payload_error("payload.format", kernel, "has no PVH entry: expected a note of type 18 by `Xen`, found none",
                          "does not say where it is entered",
                          "build it with PVH support (Linux: CONFIG_PVH=y), or boot it as `elf`"));
        return outcome;
    }
    outcome.value = information_image(plan, index, declared, kernel, elf_file, *entry, module, make_start_info,
                                      outcome.diagnostics);
    return outcome;
}

} // namespace septum::build
