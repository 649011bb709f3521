// SPDX-License-Identifier: Apache-2.0
// How a board is started in QEMU, and whether the QEMU at hand is able to.
#pragma once

#include "cli/target.hpp"
#include "config/board.hpp"
#include "config/source.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace septum::cli {

struct QemuOptions {
    std::string program; // a name looked for in PATH, or a path; empty: qemu-system-x86_64
    std::string accel = "tcg";
    bool uefi = false;                  // OVMF instead of SeaBIOS
    Target target = Target::iso;        // of the image
    std::filesystem::path disks;        // folder of the board's disks; empty: the current one
    std::vector<std::string> arguments; // more, at the end
};

struct Version {
    unsigned major = 0;
    unsigned minor = 0;
    friend auto operator<=>(const Version&, const Version&) = default;
};

// "9.0", "10.0.2 (Debian …)": the first two numbers.
[[nodiscard]] std::optional<Version> parse_version(const std::string& text);

// The program's path. Errors: not installed, with its package.
[[nodiscard]] config::Outcome<std::filesystem::path> find_qemu(const QemuOptions& options);
// What `--version` says.
[[nodiscard]] config::Outcome<Version> qemu_version(const std::filesystem::path& program);

// Errors: a board that QEMU does not know to be.
[[nodiscard]] std::vector<config::Diagnostic> check_emulated(const config::Board& board);

// Errors: QEMU older than the board needs; the help names a board among `others` that this one can be.
[[nodiscard]] std::vector<config::Diagnostic> check_qemu(const config::Board& board, Version found,
                                                         const std::vector<config::Board>& others);

// The whole command line. Of an image for the network, `image` is the folder with its files: QEMU serves it on the
// board's first network. A disk is not written to. Errors: a board that QEMU does not know to be, or that has no
// network to boot from; OVMF missing.
[[nodiscard]] config::Outcome<std::vector<std::string>> qemu_command(const config::Board& board,
                                                                     const std::filesystem::path& program,
                                                                     const std::filesystem::path& image,
                                                                     const QemuOptions& options);

// The file behind a disk of the board: BOARD.DISK.img.
[[nodiscard]] std::filesystem::path disk_file(const config::Board& board, const config::BoardDisk& disk,
                                              const QemuOptions& options);
// Makes those that are not there, empty. Errors: a folder that cannot be written.
[[nodiscard]] std::vector<config::Diagnostic> make_disks(const config::Board& board, const QemuOptions& options);

// For people to paste into a shell.
[[nodiscard]] std::string quoted(const std::vector<std::string>& words);

} // namespace septum::cli
