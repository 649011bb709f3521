// SPDX-License-Identifier: Apache-2.0
#include "cli/qemu.hpp"

#include "cli/child.hpp"
#include "cli/problem.hpp"
#include "config/system_words.hpp"

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

config::Diagnostic error(std::string message, std::string help) {
    return problem("qemu", std::move(message), std::move(help));
}

bool is_file(const fs::path& path) {
    std::error_code ec;
    return fs::is_regular_file(path, ec);
}

// How the distribution's OVMF is given to QEMU, or nothing when it is not installed. The variables stay in memory.
std::vector<std::string> firmware() {
    for (const char* path : {"/usr/share/ovmf/OVMF.fd", "/usr/share/qemu/OVMF.fd"})
        if (is_file(path))
            return {"-bios", path};
    for (const char* path : {"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_CODE.fd"})
        if (is_file(path))
            return {"-drive", std::string("if=pflash,unit=0,format=raw,readonly=on,file=") + path};
    return {};
}

// In a comma-separated option of QEMU a comma is written twice.
std::string without_commas(const std::string& text) {
    std::string out;
    for (const char c : text)
        out += c == ',' ? std::string(",,") : std::string(1, c);
    return out;
}

// QEMU's user network, cut off from the host's, with an echo service (RFC 862) for guests to talk to.
constexpr const char* kEcho = ",restrict=on,guestfwd=tcp:10.0.2.100:7-cmd:cat";

} // namespace

std::optional<Version> parse_version(const std::string& text) {
    Version version;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, version.major);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.')
        return std::nullopt;
    if (std::from_chars(first.ptr + 1, end, version.minor).ec != std::errc())
        return std::nullopt;
    return version;
}

config::Outcome<fs::path> find_qemu(const QemuOptions& options) {
    const std::string name = options.program.empty() ? "qemu-system-x86_64" : options.program;
    if (name.find('/') != std::string::npos) {
        if (is_file(name) && ::access(name.c_str(), X_OK) == 0)
            return {fs::path(name), {}};
        return {std::nullopt,
                {error("there is no program `" + name + "`", "leave `--qemu` out to use the one in PATH")}};
    }
    const char* env = std::getenv("PATH");
    const std::string path = env != nullptr ? env : "/usr/bin:/bin";
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find(':', at), path.size());
        const fs::path candidate = fs::path(path.substr(at, end - at)) / name;
        if (is_file(candidate) && ::access(candidate.c_str(), X_OK) == 0)
            return {candidate, {}};
        at = end + 1;
    }
    if (!options.program.empty())
        return {
            std::nullopt,
            {error("there is no program `" + name + "` in PATH", "leave `--qemu` out, or give the program's path")}};
    return {std::nullopt,
            {error("`" + name + "` is needed to run an appliance here and not installed",
                   "install it: `apt install qemu-system-x86`")}};
}

config::Outcome<Version> qemu_version(const fs::path& program) {
    const auto said = output_of({program.string(), "--version"});
    const std::string mark = "version ";
    const auto at = said.find(mark);
    const auto version = at == std::string::npos ? std::nullopt : parse_version(said.substr(at + mark.size()));
    if (version)
        return {version, {}};
    return {std::nullopt,
            {error("cannot tell the version of `" + program.string() + "`",
                   "`" + program.string() + " --version` should say `QEMU emulator version …`")}};
}

std::vector<config::Diagnostic> check_emulated(const config::Board& board) {
    if (board.has_qemu)
        return {};
    return {error("board `" + board.name.value + "` is a real machine: its file says nothing about qemu",
                  "write the image to a USB stick, or build for a board of qemu: `--board qemu-q35`")};
}

std::vector<config::Diagnostic> check_qemu(const config::Board& board, Version found,
                                           const std::vector<config::Board>& others) {
    const auto needed = parse_version(board.qemu.minimum_version);
    if (!needed || found >= *needed)
        return {};
    auto d = error("board `" + board.name.value + "` needs qemu " + board.qemu.minimum_version + " or later, found " +
                       std::to_string(found.major) + "." + std::to_string(found.minor),
                   "install a later qemu (debian 12 has one in its backports)");
    for (const auto& other : others) {
        const auto minimum = parse_version(other.qemu.minimum_version);
        if (!other.has_qemu || other.name.value == board.name.value || (minimum && found < *minimum))
            continue;
        d.help += ", or build for the board that this one can be: `--board " + other.name.value + "`";
        break;
    }
    return {std::move(d)};
}

config::Outcome<std::vector<std::string>> qemu_command(const config::Board& board, const fs::path& program,
                                                       const fs::path& image, const QemuOptions& options) {
    if (auto real = check_emulated(board); !real.empty())
        return {std::nullopt, std::move(real)};
    std::vector<std::string> words = {program.string(),
                                      "-M",
                                      board.qemu.machine,
                                      "-accel",
                                      options.accel,
                                      "-cpu",
                                      board.qemu.cpu,
                                      "-smp",
                                      std::to_string(board.cpus.size()),
                                      "-m",
                                      std::to_string(board.qemu.memory_mib),
                                      "-nodefaults",
                                      "-vga",
                                      "none",
                                      "-display",
                                      "none",
                                      "-no-reboot"};
    if (options.uefi) {
        const auto flags = firmware();
        if (flags.empty())
            return {std::nullopt,
                    {error("ovmf is needed for `--uefi` and not installed", "install it: `apt install ovmf`")}};
        words.insert(words.end(), flags.begin(), flags.end());
    }
    for (const auto& disk : board.qemu.disks)
        words.insert(words.end(), {"-drive", "if=none,id=" + disk.name + ",format=raw,file=" +
                                                 without_commas(disk_file(board, disk, options).string())});
    if (options.target == Target::netboot && board.qemu.networks.empty())
        return {std::nullopt,
                {error("board `" + board.name.value + "` has no network to boot from",
                       "its file has to name one: `networks` below `qemu`, and a card among `devices` and `pci`")}};
    for (std::size_t i = 0; i < board.qemu.networks.size(); ++i) {
        std::string network = "user,id=" + board.qemu.networks[i] + kEcho;
        if (options.target == Target::netboot && i == 0)
            network += ",tftp=" + without_commas(image.string()) +
                       ",bootfile=" + (options.uefi ? "grub-x64.efi" : "grub-bios.0");
        words.insert(words.end(), {"-netdev", network});
    }
    for (const auto& device : board.qemu.devices)
        words.insert(words.end(), {"-device", device});
    for (const auto& property : board.qemu.globals)
        words.insert(words.end(), {"-global", property});
    words.insert(words.end(), {"-serial", "stdio"});
    if (options.target == Target::iso)
        words.insert(words.end(),
                     {"-drive", "media=cdrom,format=raw,readonly=on,file=" + without_commas(image.string())});
    else if (options.target == Target::disk) // on q35 `ide` is a port of its own AHCI controller
        words.insert(words.end(), {"-drive", "if=ide,format=raw,snapshot=on,file=" + without_commas(image.string())});
    words.insert(words.end(), options.arguments.begin(), options.arguments.end());
    return {std::move(words), {}};
}

fs::path disk_file(const config::Board& board, const config::BoardDisk& disk, const QemuOptions& options) {
    return options.disks / (board.name.value + "." + disk.name + ".img");
}

std::vector<config::Diagnostic> make_disks(const config::Board& board, const QemuOptions& options) {
    constexpr std::uint64_t kMiB = 1ULL << 20;
    for (const auto& disk : board.qemu.disks) {
        const fs::path file = disk_file(board, disk, options);
        std::error_code failed;
        if (fs::exists(file, failed))
            continue; // what guests wrote there is theirs
        std::ofstream(file, std::ios::binary).flush();
        fs::resize_file(file, disk.mib * kMiB, failed);
        if (failed)
            return {error("cannot make the disk `" + file.string() + "`: " + config::system_words(failed.value()),
                          "`--disks` names a folder that is there and that you may write to")};
    }
    return {};
}

std::string quoted(const std::vector<std::string>& words) {
    std::string line;
    for (const auto& word : words) {
        line += line.empty() ? "" : " ";
        const bool plain =
            !word.empty() && word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                                    "0123456789_-+=.,:/@%") == std::string::npos;
        if (plain) {
            line += word;
            continue;
        }
        line += '\'';
        for (const char c : word)
            line += c == '\'' ? std::string("'\\''") : std::string(1, c);
        line += '\'';
    }
    return line;
}

} // namespace septum::cli
