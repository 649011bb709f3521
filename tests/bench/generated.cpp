// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/generated.hpp"

#include <fmt/format.h>

#include <cstring>

namespace septum::bench {

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kGiB = 1ULL << 30;

// ELF-64 (System V gABI chapter 4 and 5), only what a static executable has.
struct ElfHeader {
    std::uint8_t ident[16] = {0x7F, 'E', 'L', 'F', 2, 1, 1};
    std::uint16_t type = 2;     // ET_EXEC
    std::uint16_t machine = 62; // EM_X86_64
    std::uint32_t version = 1;
    std::uint64_t entry = 0;
    std::uint64_t program_headers = sizeof(ElfHeader);
    std::uint64_t section_headers = 0;
    std::uint32_t flags = 0;
    std::uint16_t size = sizeof(ElfHeader);
    std::uint16_t program_header_size = 56;
    std::uint16_t program_header_count = 1;
    std::uint16_t section_header_size = 64;
    std::uint16_t section_header_count = 0;
    std::uint16_t section_names = 0;
};
static_assert(sizeof(ElfHeader) == 64);

struct ProgramHeader {
    std::uint32_t type = 1;  // PT_LOAD
    std::uint32_t flags = 5; // read, execute
    std::uint64_t offset = 0;
    std::uint64_t virtual_address = 0;
    std::uint64_t physical_address = 0;
    std::uint64_t file_size = 0;
    std::uint64_t memory_size = 0;
    std::uint64_t alignment = 4096;
};
static_assert(sizeof(ProgramHeader) == 56);

} // namespace

std::string board_file(const Shape& shape) {
    const std::uint64_t all = (shape.partitions * (shape.memory + 4) + 512) * kMiB;
    std::string text = "septum-board: 1\n"
                       "name: generated\n"
                       "vendor: amd\n"
                       "apic: x2apic\n"
                       "physical-address-bits: 40\n"
                       "huge-pages-1g: true\n"
                       "trampoline: 0x8000\n"
                       "iommu: {kind: vt-d, registers: 0xfed90000}\n"
                       "pci:\n"
                       "  host-bridge: {at: 00:00.0, id: 8086:29c0}\n";
    text += "memory:\n"
            "  - {base: 0x10_0000, size: 1023 MiB}\n";
    text += fmt::format("  - {{base: 0x1_0000_0000, size: {} MiB}}\n", (all + kGiB) / kMiB);
    text += "cpus:\n";
    for (unsigned i = 0; i < shape.partitions; ++i) {
        text += fmt::format("  - {{apic: {}, core: {}}}\n", i, i);
    }
    return text;
}

std::string appliance_file(const Shape& shape) {
    std::string text = "septum: 1\n"
                       "name: generated\n"
                       "board: generated\n"
                       "partitions:\n";
    for (unsigned i = 0; i < shape.partitions; ++i) {
        text += fmt::format("  p{:02}:\n"
                            "    cpus: 1\n"
                            "    memory: {} MiB\n"
                            "    boot: {{elf: nothing.elf}}\n",
                            i, shape.memory);
        if (shape.small_pages) {
            text += "    largest-page: 4 KiB\n";
        }
    }
    if (shape.channels) {
        text += "channels:\n";
        for (unsigned i = 0; i < shape.partitions; ++i) {
            text += fmt::format("  c{:02}: {{from: p{:02}, to: p{:02}, size: 64 KiB, doorbell: true}}\n", i, i,
                                (i + 1) % shape.partitions);
        }
        text += "policy:\n"
                "  - only: {from: p00, to: p02, via: [p01]}\n";
    }
    return text;
}

std::vector<std::uint8_t> halting_elf() {
    constexpr std::uint8_t kCode[] = {0xFA, 0xF4, 0xEB, 0xFD}; // cli; hlt; jump back to hlt
    constexpr std::uint64_t kAddress = 0x20'0000;
    constexpr std::uint64_t kOffset = 4096;
    ElfHeader header;
    header.entry = kAddress;
    ProgramHeader segment;
    segment.offset = kOffset;
    segment.virtual_address = segment.physical_address = kAddress;
    segment.file_size = segment.memory_size = sizeof(kCode);
    std::vector<std::uint8_t> elf(kOffset + sizeof(kCode));
    std::memcpy(elf.data(), &header, sizeof(header));
    std::memcpy(elf.data() + sizeof(header), &segment, sizeof(segment));
    std::memcpy(elf.data() + kOffset, kCode, sizeof(kCode));
    return elf;
}

} // namespace septum::bench
