// SPDX-License-Identifier: Apache-2.0
// The decoded world: what the shipped bytes grant, in intervals that properties compare with the model. Nothing here
// was written by build/; what the manifest claims is kept apart from what the tables were found to do.
#pragma once

#include "verifier/decode/acpi.hpp"
#include "verifier/decode/amd_vi.hpp"
#include "verifier/decode/boot_info.hpp"
#include "verifier/decode/elf.hpp"
#include "verifier/decode/fat32.hpp"
#include "verifier/decode/gpt.hpp"
#include "verifier/decode/grub_config.hpp"
#include "verifier/decode/grub_program.hpp"
#include "verifier/decode/guest_info.hpp"
#include "verifier/decode/iopm.hpp"
#include "verifier/decode/iso.hpp"
#include "verifier/decode/linux_params.hpp"
#include "verifier/decode/manifest.hpp"
#include "verifier/decode/msrpm.hpp"
#include "verifier/decode/page_table.hpp"
#include "verifier/decode/tar.hpp"
#include "verifier/decode/vmcb.hpp"
#include "verifier/decode/vtd.hpp"

namespace septum::verifier {

using Digest = manifest::Digest; // SHA-256
using decode::ByteSpan;
using decode::Defect;
using decode::Defects;
using decode::Interval;

[[nodiscard]] Digest sha256(ByteSpan bytes);
[[nodiscard]] std::string hex(const Digest& digest); // 64 lower-case digits

// Half-open [base, base + size).
struct PlaceRange {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    friend bool operator==(const PlaceRange&, const PlaceRange&) = default;
};

enum class ImageKind : std::uint8_t { iso, disk, netboot };

// A file of the image, in whichever of its file systems.
struct ImageFile {
    std::string path;     // absolute; on a disk the EFI system partition's begin with "efi:"
    ByteSpan contents;    // in the image's bytes, or in a copy that the facts hold
    bool symlink = false; // not followed
};

// GRUB as the image brings it for one kind of firmware.
struct ImageProgram {
    std::string name;                           // "GRUB for BIOS"
    std::optional<decode::GrubProgram> program; // nothing: it cannot be read
};

// The image as it ships: an ISO, a disk, or what a machine loads over its network. Absent from facts that came from a
// bundle alone.
struct ImageFacts {
    Digest digest{}; // of the whole image
    ImageKind kind = ImageKind::iso;
    decode::Iso iso;     // of an ISO
    decode::Gpt gpt;     // of a disk; its file systems:
    decode::Fat32 efi;   // partition 2
    decode::Fat32 data;  // partition 3
    decode::Tar archive; // for the network
    std::vector<ImageFile> files;
    std::vector<ImageProgram> programs;
    decode::GrubConfig grub; // grub.cfg, or what is built into the programs for the network
    std::string grub_path;   // empty: there is none
    ByteSpan grub_text;
    std::string kernel_path; // as grub.cfg loads it; empty when it loads none or several
    std::string bundle_path;
    ByteSpan kernel;
    ByteSpan bundle;
    Defects defects; // of the containers

    // The only file of that path; null when there is none, or more than one.
    [[nodiscard]] const ImageFile* find(std::string_view path) const;
};

// Opens an image and finds what it boots; the digest is left out. Errors: of no kind that is known, cut short, a file
// of the boot path missing.
[[nodiscard]] config::Outcome<ImageFacts> open_image(ByteSpan image);
// What it brings beside kernel and bundle in order to boot: its other files, and a disk's boot sector and first
// partition.
[[nodiscard]] std::vector<ImageFile> boot_files(const ImageFacts& image);
// By its first bytes; nothing when it is of no kind.
[[nodiscard]] std::optional<ImageKind> kind_of_image(ByteSpan first_bytes);
inline constexpr std::size_t kEnoughToLook = 16 * 2048 + 6; // first bytes

// A digest as the manifest claims it, and as the bytes give it.
struct DigestFact {
    Digest claimed{};
    Digest computed{};
    [[nodiscard]] bool matches() const { return claimed == computed; }
};

struct BundleFacts {
    ByteSpan bytes;
    std::uint64_t size = 0;     // bytes found
    PlaceRange place;           // host-physical, after the copy
    PlaceRange manifest;        // host-physical
    PlaceRange tables;          // host-physical: the sealed tables
    PlaceRange payloads;        // host-physical: pristine copies, the bundle's rest
    DigestFact manifest_digest; // of the manifest with the field as zeros
    DigestFact tables_digest;
    DigestFact kernel_digest;      // over the segments of the kernel ELF that are not writable, in file order
    DigestFact kernel_file_digest; // of the whole kernel ELF
    Digest digest{};               // of the whole bundle; zeros when it came in an image, whose digest covers it
};

struct PayloadFact {
    std::uint64_t offset = 0; // in the bundle
    std::uint64_t size = 0;   // bytes
    std::uint64_t gpa = 0;
    std::uint64_t hpa = 0;
    bool in_bundle = false; // its bytes lie in the bundle's payload part
};

struct PartitionFacts {
    std::string name;
    manifest::Partition record{};
    std::vector<manifest::Cpu> cpus;       // by vcpu, as the manifest says
    std::vector<manifest::Region> regions; // what the manifest claims is granted

    // Memory, as the nested tables grant it.
    decode::PageTable npt;               // npt.intervals: reach sorted by gpa; npt.tables, npt.defects
    std::vector<Interval> reach_by_host; // the same intervals, sorted by hpa

    // Ports and MSRs that do not exit, and what the kernel answers for the others.
    decode::Iopm iopm;
    decode::Msrpm msrpm;
    std::vector<manifest::PortRule> port_rules;
    std::vector<manifest::MsrRule> msr_rules;
    std::vector<manifest::CpuidRule> cpuid_rules;

    decode::Vmcb vmcb_boot;
    decode::Vmcb vmcb_ap;

    // Initial memory.
    std::vector<PayloadFact> payloads;
    DigestFact payload_digest;                       // over all segments in order
    std::optional<decode::GuestInfo> info;           // at guest::kInfoBase
    std::optional<decode::LinuxParams> linux_params; // BootKind::linux, at entry_rsi
    std::optional<decode::BootInfo> boot_info;       // BootKind::pvh and multiboot, at entry_rbx
    std::optional<decode::Acpi> acpi;                // all but BootKind::elf64
    // BootKind::elf64: the guest's own identity tables that it is entered with, as far as its initial memory holds
    // them.
    std::optional<decode::PageTable> entry_tables;

    // Host-physical pages of this partition's hardware structures: nested tables, permission maps, VMCB templates.
    std::vector<std::uint64_t> table_pages; // sorted, each once

    // Everything found wrong here (those of npt, maps, VMCBs, params, ACPI included).
    Defects defects;
};

// An unmapped page in a CpuBlock that must stay so.
struct GuardFact {
    std::uint32_t cpu = 0;     // index into Manifest::cpus
    std::uint64_t address = 0; // identity: virtual = physical
    bool mapped = false;       // found mapped by the kernel's page tables
};

struct KernelFacts {
    decode::Elf elf;
    Digest file_digest{};
    PlaceRange place;             // manifest: the image in memory
    PlaceRange workspace;         // manifest
    decode::PageTable page_table; // host mode: gpa is the virtual address
    std::vector<Interval> by_host;
    std::vector<GuardFact> guards; // two per CPU
    std::uint64_t trampoline = 0;
};

struct DeviceFacts {
    bool present = false; // the manifest declares a unit
    manifest::Iommu record{};
    decode::DmaTables dma; // dma.requesters: all 65,536 ids, of either unit
    // VT-d: the one interrupt remapping table.
    decode::InterruptTable interrupts;
    // How each requester's interrupts fare, all 65,536 ids; VT-d: through the one table, whose entries check the
    // source.
    std::vector<decode::InterruptRoute> routes;
    std::vector<decode::DeviceInterruptTable> interrupt_tables; // AMD-Vi: one for each function that has interrupts
    // Host-physical pages of the sealed tables that the kernel writes at run time, sorted: interrupt tables, and what
    // says which requester has which domain (VT-d context tables, AMD-Vi device table).
    std::vector<std::uint64_t> interrupt_pages;
    std::vector<std::uint64_t> written_pages;
};

// A page of the sealed tables that more than one structure uses, with who they are.
struct SharedTable {
    std::uint64_t page = 0;
    std::string first; // "npt of `vault`"
    std::string second;
};

struct Facts {
    std::optional<ImageFacts> image;
    decode::Manifest manifest;
    BundleFacts bundle;
    KernelFacts kernel;
    std::vector<PartitionFacts> partitions; // in the manifest's order
    DeviceFacts devices;
    // Pages of the sealed tables that two structures use (a fact, not in itself a defect), and pages that none uses
    // although they are not zero.
    std::vector<SharedTable> shared_tables;
    std::vector<std::uint64_t> unused_tables;
    bool described = true; // every byte of the bundle behind the manifest that is not zero is some structure's
    // Every defect: the partitions', the kernel's, the devices', the manifest's, the image's, and stray bytes.
    Defects defects;
    double seconds = 0; // taken to decode
};

struct ReadOptions {
    std::uint32_t physical_address_bits =
        52;               // the board's (model.board.physical_address_bits), else the architecture's
    bool pages_1g = true; // the board's huge_pages_1g
    std::size_t most_intervals = decode::kMostIntervals; // of the nested page tables of all partitions together
};

// Errors (no value): the image is none or is cut short, a file of the boot path is missing, the kernel is no ELF,
// the manifest cannot be read. Everything else is a fact, or a defect among the facts. The facts hold views into the
// bytes: these must outlive them. Never throws, never reads outside, ends in bounded time, whatever the bytes.
[[nodiscard]] config::Outcome<Facts> read_image(ByteSpan image, const ReadOptions& options = {});
[[nodiscard]] config::Outcome<Facts> read_bundle(ByteSpan kernel, ByteSpan bundle, const ReadOptions& options = {});

} // namespace septum::verifier
