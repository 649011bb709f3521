// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/grub_program.hpp"

#include "verifier/decode/lzma.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr std::uint32_t kModuleMagic = 0x676D'696D; // "mimg"
constexpr std::uint64_t kMostCore = 8 * kMiB;       // ours take less than one

// include/grub/kernel.h: OBJ_TYPE_…
constexpr std::uint32_t kElf = 0;
constexpr std::uint32_t kConfig = 2;
constexpr std::uint32_t kPrefix = 3;

std::string text_of(ByteSpan bytes) {
    return {bytes.begin(), std::find(bytes.begin(), bytes.end(), std::uint8_t{0})};
}

// The objects behind the header of `header` bytes; `all` is as long as the header says.
GrubProgram objects(ByteSpan all, std::uint64_t header, const std::string& what) {
    GrubProgram program;
    bool prefix = false;
    for (std::uint64_t at = header; at < all.size();) {
        const auto type = le32(all, at);
        const auto size = le32(all, at + 4);
        if (!type || !size || *size < 8 || !fits(at, *size, all.size())) {
            program.defects.add(DefectKind::cut_short, what + ": a part reaches out of it", at, all.size(),
                                size.value_or(0));
            return program;
        }
        const ByteSpan body = all.subspan(at + 8, *size - 8);
        if (*type == kElf) {
            ++program.modules;
        } else if (*type == kPrefix && !prefix) {
            program.prefix = text_of(body);
            prefix = true;
        } else if (*type == kConfig && !program.config) {
            program.config = text_of(body);
        } else {
            program.defects.add(DefectKind::unknown, what + ": it has a part of kind " + std::to_string(*type), at, 0,
                                *type);
        }
        at += *size;
    }
    if (!prefix) {
        program.defects.add(DefectKind::wrong_value, what + ": it has no prefix", 0, 1, 0);
    }
    return program;
}

// Where the modules begin in an unpacked core: the header says how long all is from there on, and that is the end.
std::optional<std::uint64_t> module_header(ByteSpan core) {
    std::optional<std::uint64_t> found;
    for (std::uint64_t at = 0; fits(at, 12, core.size()); at += 4) {
        if (*le32(core, at) == kModuleMagic && *le32(core, at + 4) == 12 && *le32(core, at + 8) == core.size() - at) {
            if (found) {
                return std::nullopt;
            }
            found = at;
        }
    }
    return found;
}

} // namespace

std::optional<GrubProgram> decode_grub_efi(ByteSpan file, const std::string& what) {
    // PE/COFF §3.3, §4
    const auto start = le32(file, 0x3C);
    if (!start || le16(file, 0) != 0x5A4D || le32(file, *start) != 0x0000'4550) {
        return std::nullopt;
    }
    const std::uint64_t coff = std::uint64_t{*start} + 4;
    const auto count = le16(file, coff + 2);
    const auto optional_header = le16(file, coff + 16);
    if (!count || !optional_header) {
        return std::nullopt;
    }
    std::optional<GrubProgram> program;
    for (std::uint64_t i = 0; i < *count; ++i) {
        const auto section = slice(file, coff + 20 + *optional_header + 40 * i, 40);
        if (!section) {
            return std::nullopt;
        }
        if (text_of(section->first(8)) != "mods") {
            continue;
        }
        // What is loaded is as long as the section in memory, but only what the file has is not zero.
        const auto body = slice(file, *le32(*section, 20), std::min(*le32(*section, 8), *le32(*section, 16)));
        if (program || !body || le32(*body, 0) != kModuleMagic || le64(*body, 8) != 24U) {
            return std::nullopt;
        }
        const auto size = le64(*body, 16);
        const auto all = size ? slice(*body, 0, *size) : std::nullopt;
        if (!all || all->size() < 24) {
            return std::nullopt;
        }
        program = objects(*all, 24, what);
    }
    return program;
}

std::optional<GrubProgram> decode_grub_bios(ByteSpan file, std::uint64_t starter, const std::string& what) {
    constexpr std::uint64_t kMostPadding = 16; // bytes of the stream itself that may be zero at its end
    const auto packed = le32(file, starter + 8);
    const auto unpacked = le32(file, starter + 12);
    if (!packed || !unpacked || *unpacked > kMostCore || *packed == 0) {
        return std::nullopt;
    }
    const auto last = std::find_if(file.rbegin(), file.rend(), [](std::uint8_t byte) { return byte != 0; });
    const auto used = static_cast<std::uint64_t>(file.rend() - last);
    // No field says where the stream begins: it ends where the file does.
    for (std::uint64_t end = used; end <= std::min<std::uint64_t>(used + kMostPadding, file.size()); ++end) {
        if (end < *packed || end - *packed < starter + 16) {
            continue;
        }
        const auto core = decode_lzma(file.subspan(end - *packed, *packed), *unpacked);
        const auto at = core ? module_header(*core) : std::nullopt;
        if (at) {
            GrubProgram program = objects(ByteSpan(*core).subspan(*at), 12, what);
            if (*le32(file, starter + 16) != 0) {
                program.defects.add(DefectKind::unknown, what + ": it has redundancy to mend itself by", starter + 16,
                                    0, *le32(file, starter + 16));
            }
            return program;
        }
    }
    return std::nullopt;
}

} // namespace septum::verifier::decode
