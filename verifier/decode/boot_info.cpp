// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/boot_info.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr std::uint64_t kCmdlineMost = 64 * kKiB;
constexpr std::uint64_t kMapMost = 128; // entries; ours has a handful
constexpr std::uint64_t kModulesMost = 32;

// Up to its zero.
void read_cmdline(const GuestMemory& memory, std::uint64_t gpa, BootInfo& info) {
    if (const auto text = memory.read(gpa, kCmdlineMost)) {
        const auto end = std::find(text->begin(), text->end(), std::uint8_t{0});
        info.cmdline.assign(text->begin(), end);
        info.cmdline_terminated = end != text->end();
    }
}

// `count` records of `size` bytes, or a defect and nothing.
std::optional<std::vector<std::uint8_t>> read_table(const GuestMemory& memory, std::uint64_t gpa, std::uint64_t count,
                                                    std::uint64_t size, std::uint64_t most, const std::string& what,
                                                    BootInfo& info) {
    if (count > most) {
        info.defects.add(DefectKind::too_much, what, gpa, most, count);
        return std::nullopt;
    }
    auto bytes = memory.read(gpa, count * size);
    if (!bytes) {
        info.defects.add(DefectKind::out_of_range, what + " wraps round", gpa, count * size, 0);
        return std::nullopt;
    }
    return bytes;
}

} // namespace

config::Outcome<BootInfo> decode_pvh_info(const GuestMemory& memory, std::uint64_t gpa, const std::string& what) {
    constexpr std::uint32_t kMagic = 0x336E'C578;
    constexpr std::uint64_t kBytes = 56;
    config::Outcome<BootInfo> outcome;
    const auto bytes = memory.read(gpa, kBytes);
    const ByteSpan page = bytes ? ByteSpan(*bytes) : ByteSpan{};
    if (!bytes || le32(page, 0x00) != kMagic) {
        outcome.diagnostics.push_back(error("image.manifest", what + ": no pvh start info at " + hex(gpa) +
                                                                  ": expected " + hex(kMagic) + ", found " +
                                                                  hex(le32(page, 0x00).value_or(0))));
        return outcome;
    }
    BootInfo info;
    info.gpa = gpa;
    if (*le32(page, 0x04) != 1) { // without a memory map before version 1
        info.defects.add(DefectKind::wrong_value, what + ": version", gpa + 0x04, 1, *le32(page, 0x04));
    }
    if (*le32(page, 0x08) != 0) {
        info.defects.add(DefectKind::wrong_value, what + ": flags", gpa + 0x08, 0, *le32(page, 0x08));
    }
    const std::uint64_t modules = *le32(page, 0x0C);
    const std::uint64_t module_list = *le64(page, 0x10);
    if (modules != 0) {
        if (const auto list = read_table(memory, module_list, modules, 32, kModulesMost, what + ": modules", info)) {
            for (std::uint64_t i = 0; i < modules; ++i) {
                info.modules.push_back({*le64(*list, i * 32), *le64(*list, i * 32 + 8)});
            }
        }
    }
    if (const std::uint64_t cmdline = *le64(page, 0x18); cmdline != 0) {
        read_cmdline(memory, cmdline, info);
    }
    info.rsdp = *le64(page, 0x20);
    const std::uint64_t entries = *le32(page, 0x30);
    if (const auto table = read_table(memory, *le64(page, 0x28), entries, 24, kMapMost, what + ": memory map", info)) {
        for (std::uint64_t i = 0; i < entries; ++i) {
            info.map.push_back({*le64(*table, i * 24), *le64(*table, i * 24 + 8), *le32(*table, i * 24 + 16)});
        }
    }
    outcome.value = std::move(info);
    return outcome;
}

config::Outcome<BootInfo> decode_multiboot_info(const GuestMemory& memory, std::uint64_t gpa, const std::string& what) {
    constexpr std::uint32_t kCmdline = 1U << 2;
    constexpr std::uint32_t kModules = 1U << 3;
    constexpr std::uint32_t kMap = 1U << 6;
    constexpr std::uint64_t kBytes = 52; // as far as mmap_addr
    config::Outcome<BootInfo> outcome;
    const auto bytes = memory.read(gpa, kBytes);
    const ByteSpan page = bytes ? ByteSpan(*bytes) : ByteSpan{};
    const std::uint32_t flags = le32(page, 0).value_or(0);
    if (!bytes || (flags & kMap) == 0) {
        outcome.diagnostics.push_back(
            error("image.manifest", what + ": no multiboot information with a memory map at " + hex(gpa) +
                                        ": expected flag 6, found flags " + hex(flags)));
        return outcome;
    }
    BootInfo info;
    info.gpa = gpa;
    if ((flags & kCmdline) != 0) {
        read_cmdline(memory, *le32(page, 16), info);
    }
    if (const std::uint64_t modules = (flags & kModules) != 0 ? *le32(page, 20) : 0; modules != 0) {
        const std::uint64_t at = *le32(page, 24);
        if (const auto list = read_table(memory, at, modules, 16, kModulesMost, what + ": modules", info)) {
            for (std::uint64_t i = 0; i < modules; ++i) {
                const std::uint64_t begin = *le32(*list, i * 16);
                const std::uint64_t end = *le32(*list, i * 16 + 4);
                if (end < begin) {
                    info.defects.add(DefectKind::wrong_value, what + ": a module ends before it begins", at + i * 16,
                                     begin, end);
                    continue;
                }
                info.modules.push_back({begin, end - begin});
            }
        }
    }
    // Entries say their own size, which does not count the field itself.
    const std::uint64_t length = *le32(page, 44);
    const std::uint64_t base = *le32(page, 48);
    if (const auto table = read_table(memory, base, length, 1, kMapMost * 24, what + ": memory map", info)) {
        std::uint64_t at = 0;
        while (at < length) {
            const std::uint64_t size = le32(*table, at).value_or(0);
            if (size < 20 || size > length - at - 4) {
                info.defects.add(DefectKind::out_of_range, what + ": size of a memory map entry", base + at, 20, size);
                break;
            }
            info.map.push_back({*le64(*table, at + 4), *le64(*table, at + 12), *le32(*table, at + 20)});
            at += size + 4;
        }
    }
    outcome.value = std::move(info);
    return outcome;
}

} // namespace septum::verifier::decode
