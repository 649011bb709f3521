// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/linux_params.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr std::uint32_t kHeaderMagic = 0x5372'6448; // "HdrS"
constexpr std::uint64_t kE820Table = 0x2D0;
constexpr std::uint64_t kE820EntrySize = 20;
constexpr std::uint8_t kE820Most = 128;
constexpr std::uint64_t kCmdlineMost = 64 * kKiB;

} // namespace

config::Outcome<LinuxParams> decode_linux_params(const GuestMemory& memory, std::uint64_t gpa,
                                                 const std::string& what) {
    config::Outcome<LinuxParams> outcome;
    const auto bytes = memory.read(gpa, kPageSize);
    const ByteSpan page = bytes ? ByteSpan(*bytes) : ByteSpan{};
    if (!bytes || le32(page, 0x202) != kHeaderMagic) {
        outcome.diagnostics.push_back(error("image.manifest", what + ": no linux setup header at " + hex(gpa) +
                                                                  ": expected \"HdrS\" (" + hex(kHeaderMagic) +
                                                                  "), found " + hex(le32(page, 0x202).value_or(0))));
        return outcome;
    }
    // The page is whole, so every read below is inside it.
    const auto wide = [&](std::uint64_t low, std::uint64_t high) {
        return std::uint64_t{*le32(page, low)} | std::uint64_t{*le32(page, high)} << 32;
    };
    LinuxParams params;
    params.gpa = gpa;
    params.header = kHeaderMagic;
    params.boot_flag = *le16(page, 0x1FE);
    params.version = *le16(page, 0x206);
    params.type_of_loader = *le8(page, 0x210);
    params.loadflags = *le8(page, 0x211);
    params.xloadflags = *le16(page, 0x236);
    params.ramdisk = wide(0x218, 0x0C0);
    params.ramdisk_size = wide(0x21C, 0x0C4);
    params.cmdline_gpa = wide(0x228, 0x0C8);
    params.cmdline_limit = *le32(page, 0x238);
    params.code32_start = *le32(page, 0x214);
    params.setup_data = *le64(page, 0x250);
    params.pref_address = *le64(page, 0x258);
    params.init_size = *le32(page, 0x260);
    params.initrd_addr_max = *le32(page, 0x22C);
    params.acpi_rsdp = *le64(page, 0x070);

    if (params.boot_flag != 0xAA55) {
        params.defects.add(DefectKind::wrong_value, what + ": boot_flag", gpa + 0x1FE, 0xAA55, params.boot_flag);
    }
    std::uint8_t entries = *le8(page, 0x1E8);
    if (entries > kE820Most) {
        params.defects.add(DefectKind::out_of_range, what + ": e820_entries", gpa + 0x1E8, kE820Most, entries);
        entries = kE820Most;
    }
    for (std::uint8_t i = 0; i < entries; ++i) {
        const std::uint64_t at = kE820Table + kE820EntrySize * i;
        params.e820.push_back({*le64(page, at), *le64(page, at + 8), *le32(page, at + 16)});
    }
    if (params.cmdline_gpa != 0) {
        const std::uint64_t limit = std::min<std::uint64_t>(params.cmdline_limit, kCmdlineMost) + 1;
        if (const auto text = memory.read(params.cmdline_gpa, limit)) {
            const auto end = std::find(text->begin(), text->end(), std::uint8_t{0});
            params.cmdline.assign(text->begin(), end);
            params.cmdline_terminated = end != text->end();
        }
    }
    outcome.value = std::move(params);
    return outcome;
}

} // namespace septum::verifier::decode
