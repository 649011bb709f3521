// SPDX-License-Identifier: Apache-2.0
#include "tiny_kernel.hpp"

#include <cstring>
#include <elf.h>

namespace septum::build::testing {
namespace {

constexpr std::uint32_t kLoadAddress = 0x20'0000;
constexpr std::uint32_t kHeaderSize = 24; // Multiboot2 §3.1.1: magic fields and the end tag
constexpr std::uint32_t kFileOffset = 0x1000;

void put32(std::vector<std::uint8_t>& out, std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<std::uint8_t>(value >> shift));
}

} // namespace

std::vector<std::uint8_t> tiny_kernel() {
    std::vector<std::uint8_t> load;
    constexpr std::uint32_t kMagic = 0xE852'50D6;
    for (const std::uint32_t word : {kMagic, 0U, kHeaderSize, 0U - kMagic - kHeaderSize, 0U, 8U})
        put32(load, word);
    const std::uint8_t code[] = {
        0xBE, 0,    0,    0, 0, // mov esi, text (patched below)
        0x66, 0xBA, 0xF8, 3,    // mov dx, 0x3F8
        0xAC,                   // lodsb
        0x84, 0xC0,             // test al, al
        0x74, 3,                // jz over the next two
        0xEE,                   // out dx, al
        0xEB, 0xF8,             // jmp to lodsb
        0x66, 0xBA, 0xF4, 0,    // mov dx, 0xF4
        0xB0, 0x10,             // mov al, 0x10
        0xEE,                   // out dx, al
        0xF4, 0xEB, 0xFD,       // hlt, for ever
    };
    load.insert(load.end(), std::begin(code), std::end(code));
    const auto text = kLoadAddress + static_cast<std::uint32_t>(load.size());
    std::memcpy(&load[kHeaderSize + 1], &text, sizeof text);
    load.insert(load.end(), kTinyKernelSays, kTinyKernelSays + std::strlen(kTinyKernelSays) + 1);

    Elf32_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_386;
    header.e_version = EV_CURRENT;
    header.e_entry = kLoadAddress + kHeaderSize;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf32_Phdr);
    header.e_phnum = 1;
    // One null section, behind the rest: GRUB 2.12 does not load a file without any.
    header.e_shoff = kFileOffset + static_cast<std::uint32_t>((load.size() + 7) / 8 * 8);
    header.e_shentsize = sizeof(Elf32_Shdr);
    header.e_shnum = 1;
    Elf32_Phdr segment = {};
    segment.p_type = PT_LOAD;
    segment.p_offset = kFileOffset;
    segment.p_vaddr = segment.p_paddr = kLoadAddress;
    segment.p_filesz = segment.p_memsz = static_cast<std::uint32_t>(load.size());
    segment.p_flags = PF_R | PF_X;
    segment.p_align = 0x1000;

    std::vector<std::uint8_t> file(kFileOffset);
    std::memcpy(file.data(), &header, sizeof header);
    std::memcpy(file.data() + sizeof header, &segment, sizeof segment);
    file.insert(file.end(), load.begin(), load.end());
    file.resize(header.e_shoff + sizeof(Elf32_Shdr));
    return file;
}

} // namespace septum::build::testing
