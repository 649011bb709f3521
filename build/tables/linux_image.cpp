// SPDX-License-Identifier: Apache-2.0
#include "build/tables/guest_tables.hpp"
#include "build/tables/payload_error.hpp"
#include "build/tables/pc_guest.hpp"

#include <algorithm>

namespace septum::build {
namespace {

// Where things lie in the first megabyte, which Linux counts as RAM but leaves alone until it has its own.
constexpr std::uint64_t kStackTop = 0x1'0000;
constexpr std::uint64_t kTables = 0x1'0000;
constexpr std::uint64_t kZeroPage = kTables + kGuestTablesSize;
constexpr std::uint64_t kCommandLine = kZeroPage + kPageSize;

// Offsets in the bzImage and in the zero page alike (Linux x86 boot protocol, "The Real-Mode Kernel Header").
namespace header {
constexpr std::size_t kSetupSectors = 0x1F1;
constexpr std::size_t kSystemSize = 0x1F4; // in 16 bytes
constexpr std::size_t kVideoMode = 0x1FA;
constexpr std::size_t kBootFlag = 0x1FE;
constexpr std::size_t kJump = 0x201; // the header ends at 0x202 + this byte
constexpr std::size_t kMagic = 0x202;
constexpr std::size_t kVersion = 0x206;
constexpr std::size_t kLoaderType = 0x210;
constexpr std::size_t kLoadFlags = 0x211;
constexpr std::size_t kInitrdAddress = 0x218;
constexpr std::size_t kInitrdSize = 0x21C;
constexpr std::size_t kCommandLine = 0x228;
constexpr std::size_t kInitrdLimit = 0x22C; // highest byte
constexpr std::size_t kAlignment = 0x230;
constexpr std::size_t kXLoadFlags = 0x236;
constexpr std::size_t kCommandLineSize = 0x238;
constexpr std::size_t kSetupData = 0x250;
constexpr std::size_t kPreferredAddress = 0x258;
constexpr std::size_t kInitSize = 0x260;
constexpr std::size_t kMinimum = 0x264; // bytes a 2.12 header needs
} // namespace header

// The zero page alone (Documentation/arch/x86/zero-page).
constexpr std::size_t kRsdpAddress = 0x070; // protocol 2.14
constexpr std::size_t kE820Entries = 0x1E8;
constexpr std::size_t kHeaderStart = 0x1F1;
constexpr std::size_t kE820Table = 0x2D0;
constexpr std::size_t kE820EntrySize = 20;

constexpr std::uint16_t kBootFlagValue = 0xAA55;
constexpr std::uint32_t kMagicValue = 0x5372'6448; // "HdrS"
constexpr std::uint16_t kVersionNeeded = 0x020C;
constexpr std::uint16_t kVersionRsdp = 0x020E;
constexpr std::uint8_t kLoadedHigh = 1U << 0;
constexpr std::uint16_t kKernel64 = 1U << 0; // XLF_KERNEL_64
constexpr std::uint8_t kUndefinedLoader = 0xFF;
constexpr std::uint16_t kNormalVideo = 0xFFFF;
constexpr std::uint64_t kEntry64 = 0x200; // from the start of the protected-mode part

// The virtual board has no I/O APIC, and its MADT lists none. Linux, not told so, takes that for an error of the
// firmware; told so, it also keeps the x2APIC mode that it is entered in without asking the hypervisor. First, so that
// no ` -- ` comes before it.
constexpr std::string_view kNoIoApic = "noapic";

struct Bzimage {
    std::uint64_t load = 0;      // pref_address
    std::uint64_t init_size = 0; // bytes it needs from there on
    std::uint64_t initrd_limit = 0;
    std::uint64_t command_line_size = 0;
    std::uint16_t version = 0;
    ByteView header; // from kHeaderStart on
    ByteView system; // the protected-mode part
};

std::string hex(std::uint64_t value) {
    return format_address(value);
}

std::string version_text(std::uint16_t version) {
    return std::to_string(version >> 8U) + "." + std::to_string(version & 0xFFU);
}

// Empty when all is well, else what is wrong.
std::string read_bzimage(ByteView file, Bzimage& out) {
    if (file.size() < header::kMinimum) {
        return "is too short for a Linux kernel: expected at least " + std::to_string(header::kMinimum) +
               " bytes, found " + std::to_string(file.size());
    }
    if (load<std::uint16_t>(file, header::kBootFlag) != kBootFlagValue ||
        load<std::uint32_t>(file, header::kMagic) != kMagicValue) {
        return "is not a Linux bzImage: expected `HdrS` at byte 0x202, found " +
               hex(load<std::uint32_t>(file, header::kMagic));
    }
    out.version = load<std::uint16_t>(file, header::kVersion);
    if (out.version < kVersionNeeded) {
        return "speaks boot protocol " + version_text(out.version) + ", expected at least " +
               version_text(kVersionNeeded);
    }
    if ((load<std::uint16_t>(file, header::kXLoadFlags) & kKernel64) == 0) {
        return "has no 64-bit entry: expected XLF_KERNEL_64 in xloadflags, found " +
               hex(load<std::uint16_t>(file, header::kXLoadFlags));
    }
    if ((file[header::kLoadFlags] & kLoadedHigh) == 0) {
        return "is a zImage, expected a bzImage: LOADED_HIGH is not set in loadflags";
    }
    const std::size_t header_end = header::kMagic + file[header::kJump];
    if (header_end < header::kMinimum || header_end > file.size()) {
        return "has a setup header that ends at " + hex(header_end) + ", expected " + hex(header::kMinimum) +
               " or more, inside the file";
    }
    const std::uint64_t sectors = file[header::kSetupSectors] == 0 ? 4U : file[header::kSetupSectors];
    const std::uint64_t system_at = (sectors + 1) * 512;
    const std::uint64_t system_size = std::uint64_t{load<std::uint32_t>(file, header::kSystemSize)} * 16;
    if (system_size == 0) {
        return "has an empty protected-mode part: syssize is 0";
    }
    if (system_at > file.size() || system_size > file.size() - system_at) {
        return "is truncated: its header promises " + std::to_string(system_at + system_size) + " bytes, found " +
               std::to_string(file.size());
    }
    out.load = load<std::uint64_t>(file, header::kPreferredAddress);
    out.init_size = load<std::uint32_t>(file, header::kInitSize);
    const std::uint64_t alignment = load<std::uint32_t>(file, header::kAlignment);
    if (alignment == 0 || (alignment & (alignment - 1)) != 0 || out.load % alignment != 0) {
        return "prefers address " + hex(out.load) + ", expected a multiple of its kernel_alignment " + hex(alignment);
    }
    if (out.load < kHighRam) {
        return "prefers address " + hex(out.load) + ", expected one at or above " + hex(kHighRam);
    }
    if (system_size > out.init_size) {
        return "needs less memory (init_size " + hex(out.init_size) + ") than it has bytes (" + hex(system_size) + ")";
    }
    out.initrd_limit = load<std::uint32_t>(file, header::kInitrdLimit);
    out.command_line_size = load<std::uint32_t>(file, header::kCommandLineSize);
    out.header = file.subspan(kHeaderStart, header_end - kHeaderStart);
    out.system = file.subspan(system_at, system_size);
    return {};
}

// A bzImage unpacks itself where it will run, and needs room for both forms at once; what it is unpacked to needs less.
config::Diagnostic too_little_memory(const Bzimage& kernel, const NamedBytes& file, const PlannedPartition& partition,
                                     std::uint64_t initrd_size) {
    const std::uint64_t end = kernel.load + kernel.init_size;
    const std::uint64_t all = end + ((initrd_size + kPageSize - 1) & ~(kPageSize - 1));
    config::Diagnostic d = payload_error(
        "mem.payload-fits", file,
        "asks for memory up to " + hex(end) + ", but `" + partition.name + "` has " + format_size(partition.ram.size),
        "does not fit",
        "give `" + partition.name + "` at least " + format_size((all + kMiB - 1) & ~(kMiB - 1)) +
            ", or boot the `vmlinux` inside it by `pvh`, which unpacks nothing");
    d.notes.push_back("its header: init_size " + hex(kernel.init_size) + " (" + format_size(kernel.init_size) +
                      ") from pref_address " + hex(kernel.load) + " on, to unpack itself");
    return d;
}

std::vector<std::uint8_t> make_zero_page(const Bzimage& kernel, const PlannedPartition& partition, std::uint64_t initrd,
                                         std::uint64_t initrd_size) {
    std::vector<std::uint8_t> page(kPageSize, 0);
    store_bytes(page, kHeaderStart, kernel.header);
    store16(page, header::kVideoMode, kNormalVideo);
    store8(page, header::kLoaderType, kUndefinedLoader);
    store8(page, header::kLoadFlags, static_cast<std::uint8_t>(page[header::kLoadFlags] | kLoadedHigh));
    store32(page, header::kInitrdAddress, static_cast<std::uint32_t>(initrd));
    store32(page, header::kInitrdSize, static_cast<std::uint32_t>(initrd_size));
    store32(page, header::kCommandLine, static_cast<std::uint32_t>(kCommandLine));
    store64(page, header::kSetupData, 0);
    if (kernel.version >= kVersionRsdp) {
        store64(page, kRsdpAddress, guest::kAcpiBase);
    }
    std::size_t entries = 0;
    for (const MapEntry& entry : memory_map(partition)) {
        const std::size_t at = kE820Table + entries * kE820EntrySize;
        store64(page, at, entry.base);
        store64(page, at + 8, entry.size);
        store32(page, at + 16, static_cast<std::uint32_t>(entry.type));
        ++entries;
    }
    store8(page, kE820Entries, static_cast<std::uint8_t>(entries));
    return page;
}

} // namespace

config::Outcome<GuestImage> linux_image(const Plan& plan, std::size_t index, const config::Partition& declared,
                                        const NamedBytes& kernel_file, const NamedBytes* initrd_file) {
    config::Outcome<GuestImage> outcome;
    const auto& partition = plan.partitions[index];
    const std::uint64_t ram = std::min(partition.ram.size, guest::kLowRamLimit);

    Bzimage kernel;
    if (std::string wrong = read_bzimage(kernel_file.bytes, kernel); !wrong.empty()) {
        outcome.diagnostics.push_back(payload_error("payload.format", kernel_file, std::move(wrong),
                                                    "expected a 64-bit Linux bzImage",
                                                    "a distribution's `/boot/vmlinuz-*` is one"));
        return outcome;
    }
    if (kernel.load > ram || kernel.init_size > ram - kernel.load) {
        outcome.diagnostics.push_back(
            too_little_memory(kernel, kernel_file, partition, initrd_file != nullptr ? initrd_file->bytes.size() : 0));
        return outcome;
    }
    std::vector<std::uint8_t> line;
    bool good =
        make_command_line(declared, kernel_file, std::min(kernel.command_line_size, kLowRamEnd - kCommandLine - 1),
                          kNoIoApic, line, outcome.diagnostics);
    std::optional<std::uint64_t> initrd_at;
    if (initrd_file != nullptr) {
        initrd_at = place_module(*initrd_file, kernel.load + kernel.init_size, std::min(ram, kernel.initrd_limit + 1),
                                 partition, outcome.diagnostics);
        good = good && initrd_at.has_value();
    }
    if (!good) {
        return outcome;
    }

    GuestImage image;
    std::vector<std::uint8_t> tables(kGuestTablesSize, 0);
    write_guest_tables(Gpa{kTables}, tables);
    add_piece(image, kTables, std::move(tables));
    add_piece(image, kZeroPage,
              make_zero_page(kernel, partition, initrd_at.value_or(0), initrd_at ? initrd_file->bytes.size() : 0));
    add_piece(image, kCommandLine, std::move(line));
    add_firmware(image, plan, index, declared);
    add_view(image, kernel.load, kernel.system);
    if (initrd_at) {
        add_view(image, *initrd_at, initrd_file->bytes);
    }
    sort_pieces(image);
    image.entry.rip = kernel.load + kEntry64;
    image.entry.rsp = kStackTop;
    image.entry.cr3 = kTables;
    image.rsi = kZeroPage;
    outcome.value = std::move(image);
    return outcome;
}

} // namespace septum::build
