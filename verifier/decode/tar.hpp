// SPDX-License-Identifier: Apache-2.0
// A ustar archive (POSIX.1-2017, pax "ustar Interchange Format") with plain files only.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

struct TarFile {
    std::string path;         // as it is written: "septum.elf"
    std::uint64_t offset = 0; // of its contents in the archive, bytes
    ByteSpan contents;
};

struct Tar {
    std::vector<TarFile> files; // in the archive's order
    Defects defects;            // address: offset in the archive

    // The only file of that path; null when there is none, or more than one.
    [[nodiscard]] const TarFile* find(std::string_view path) const;
};

[[nodiscard]] bool looks_like_tar(ByteSpan bytes);

// Defects: a checksum that is wrong, two files of one path, an entry that is no plain file, bytes behind the end.
// Errors: no archive, an archive cut short.
[[nodiscard]] config::Outcome<Tar> decode_tar(ByteSpan bytes);

} // namespace septum::verifier::decode
