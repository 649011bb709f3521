// SPDX-License-Identifier: Apache-2.0
// ISO 9660 (ECMA-119) with Rock Ridge names (RRIP 1.12 over SUSP 1.12), and the El Torito boot catalogue.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

struct IsoFile {
    std::string path;         // absolute, by Rock Ridge names: "/boot/grub/grub.cfg"
    std::uint64_t offset = 0; // in the image, bytes; the contents are contiguous
    std::uint64_t size = 0;
    bool symlink = false; // has an SL entry: what it leads to is not followed
};

// An entry of the El Torito boot catalogue (El Torito 1.0 §2).
struct IsoBootEntry {
    std::uint8_t platform = 0; // 0: x86 BIOS, 0xEF: UEFI
    bool bootable = false;
    std::uint8_t media = 0;   // 0: no emulation
    std::uint64_t offset = 0; // bytes
    std::uint64_t size = 0;   // bytes, as the catalogue says (sector count × 512)
};

// Bytes of the image that some structure describes.
struct IsoRange {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::string what; // "file `/boot/septum.elf`"
};

struct Iso {
    std::string volume;     // volume id, trailing spaces dropped
    std::uint64_t size = 0; // bytes, as the primary volume descriptor says
    bool rock_ridge = false;
    bool joliet = false;        // a second tree that a loader might prefer
    std::vector<IsoFile> files; // sorted by path; directories left out
    std::vector<IsoBootEntry> boot;
    std::vector<IsoRange> described; // descriptors, path tables, directories, files, boot catalogue, partition tables
    bool apart = true;               // check_iso_bytes found nothing
    Defects defects;                 // address: offset in the image
    ByteSpan bytes;                  // the image: must outlive this

    // The only file of that path; null when there is none (or more than one: then `defects` says so).
    [[nodiscard]] const IsoFile* find(std::string_view path) const;
    [[nodiscard]] ByteSpan contents(const IsoFile& file) const; // within the image always
};

// The system area before the descriptors, by which the same file starts from a USB stick: the protective MBR and both
// GUID partition tables. What is odd becomes a defect.
void decode_iso_stick(ByteSpan image, Iso& iso);
// Every byte that nothing describes is zero, and no two files or directories lie over each other: else there would be
// room for a file system that another loader finds.
void check_iso_bytes(ByteSpan image, Iso& iso);

// Errors: no primary volume descriptor, a root directory that is not there, an image cut short.
[[nodiscard]] config::Outcome<Iso> decode_iso(ByteSpan image);

} // namespace septum::verifier::decode
