// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/tar.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr std::uint64_t kBlock = 512;
constexpr std::size_t kMaxFiles = 4096;
constexpr std::size_t kChecksumAt = 148;

bool zero(ByteSpan bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

// Octal digits, ended by a blank or zero.
std::optional<std::uint64_t> octal(ByteSpan field) {
    std::uint64_t value = 0;
    std::size_t digits = 0;
    for (const std::uint8_t c : field) {
        if (c == ' ' || c == 0) {
            break;
        }
        if (c < '0' || c > '7') {
            return std::nullopt;
        }
        value = value << 3 | (c - std::uint64_t{'0'});
        ++digits;
    }
    return digits == 0 ? std::nullopt : std::optional(value);
}

std::uint64_t sum(ByteSpan header) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < header.size(); ++i) {
        total += i >= kChecksumAt && i < kChecksumAt + 8 ? std::uint64_t{' '} : header[i];
    }
    return total;
}

config::Diagnostic cut_short(std::uint64_t expected, std::uint64_t found) {
    return error("image.layout",
                 "the archive is cut short: expected " + std::to_string(expected) + " bytes, found " +
                     std::to_string(found),
                 "build the image again, or copy it again");
}

} // namespace

bool looks_like_tar(ByteSpan bytes) {
    constexpr std::string_view magic("ustar\0"
                                     "00",
                                     8);
    const auto found = slice(bytes, 257, magic.size());
    return found && std::equal(found->begin(), found->end(), magic.begin(),
                               [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
}

config::Outcome<Tar> decode_tar(ByteSpan bytes) {
    config::Outcome<Tar> outcome;
    if (!looks_like_tar(bytes)) {
        outcome.diagnostics.push_back(error("image.layout", "the image is not a ustar archive"));
        return outcome;
    }
    Tar tar;
    std::uint64_t at = 0;
    for (;;) {
        const auto header = slice(bytes, at, kBlock);
        if (!header) {
            outcome.diagnostics.push_back(cut_short(at + 2 * kBlock, bytes.size()));
            return outcome;
        }
        if (zero(*header)) {
            break;
        }
        const auto size = octal(header->subspan(124, 12));
        if (!looks_like_tar(*header) || !size || tar.files.size() >= kMaxFiles) {
            tar.defects.add(DefectKind::unknown, "an entry of the archive is no ustar header", at, 0, (*header)[0]);
            outcome.value = std::move(tar);
            return outcome;
        }
        if (const auto claimed = octal(header->subspan(kChecksumAt, 8)); claimed != sum(*header)) {
            tar.defects.add(DefectKind::checksum, "an entry's checksum in the archive", at + kChecksumAt, sum(*header),
                            claimed.value_or(0));
        }
        const auto contents = slice(bytes, at + kBlock, *size);
        if (!contents) {
            outcome.diagnostics.push_back(cut_short(at + kBlock + *size, bytes.size()));
            return outcome;
        }
        const ByteSpan name = header->first(100);
        std::string path(name.begin(), std::find(name.begin(), name.end(), std::uint8_t{0}));
        // Links, devices, folders, long paths: nothing that Septum's archives have.
        if ((*header)[156] != '0' || !zero(header->subspan(157, 100)) || !zero(header->subspan(345, 155)) ||
            path.empty() || path.find('/') != std::string::npos) {
            tar.defects.add(DefectKind::unknown, "`" + path + "` in the archive is not a plain file at its top", at,
                            '0', (*header)[156]);
        }
        if (std::any_of(tar.files.begin(), tar.files.end(), [&](const TarFile& file) { return file.path == path; })) {
            tar.defects.add(DefectKind::duplicate, "`" + path + "` is there twice", at, 1, 2);
        }
        tar.files.push_back({std::move(path), at + kBlock, *contents});
        at += kBlock + (*size + kBlock - 1) / kBlock * kBlock;
    }
    if (bytes.size() < at + 2 * kBlock) {
        outcome.diagnostics.push_back(cut_short(at + 2 * kBlock, bytes.size()));
        return outcome;
    }
    if (!zero(bytes.subspan(at))) {
        tar.defects.add(DefectKind::stray_bytes, "there is more behind the archive's end", at, 0, 1);
    }
    outcome.value = std::move(tar);
    return outcome;
}

const TarFile* Tar::find(std::string_view path) const {
    const TarFile* found = nullptr;
    for (const TarFile& file : files) {
        if (file.path == path) {
            if (found != nullptr) {
                return nullptr;
            }
            found = &file;
        }
    }
    return found;
}

} // namespace septum::verifier::decode
