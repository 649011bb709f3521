// SPDX-License-Identifier: Apache-2.0
// Files read whole, and written whole or not at all.
#pragma once

#include "cli/interrupt.hpp"
#include "config/source.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace septum::cli {

using Bytes = std::vector<std::uint8_t>;

// At most 4 GiB; from what is no regular file at most 16 MiB, which must not be silent for 8 seconds.
[[nodiscard]] config::Outcome<Bytes> read_file(const std::filesystem::path& file);

// Whether the file can be opened and is a file: empty, or the one diagnostic that says why not.
[[nodiscard]] std::vector<config::Diagnostic> check_readable(const std::filesystem::path& file);

// A file to be: its bytes go to a temporary file in the same folder, which takes the name when all is written and on
// the disk. Made before the work that yields the bytes, so that a folder one may not write to is known at once. What
// exists and is no file (/dev/null, a pipe) is written to as it is.
class PendingFile {
public:
    [[nodiscard]] static config::Outcome<PendingFile> make(const std::filesystem::path& file);
    PendingFile(PendingFile&& other) noexcept;
    PendingFile& operator=(PendingFile&&) = delete;
    ~PendingFile(); // without commit(): nothing was there

    // Empty when the file stands.
    [[nodiscard]] std::vector<config::Diagnostic> commit(std::span<const std::uint8_t> bytes);
    [[nodiscard]] std::vector<config::Diagnostic> commit(const std::string& text);

private:
    PendingFile(std::filesystem::path name, std::filesystem::path temporary, int fd, Undo undo);

    std::filesystem::path name_;      // as the user wrote it, for messages
    std::filesystem::path target_;    // the name with symbolic links followed
    std::filesystem::path temporary_; // empty when written in place
    int fd_;
    Undo undo_;
};

[[nodiscard]] std::span<const std::uint8_t> bytes_of(const std::string& text);

} // namespace septum::cli
