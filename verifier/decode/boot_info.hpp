// SPDX-License-Identifier: Apache-2.0
// What a guest is handed when it is started by PVH (Xen public/arch-x86/hvm/start_info.h, version 1) or by Multiboot
// (0.6.96 §3.3): memory map, command line, modules. Both lie in the guest's initial memory, where EBX points.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

struct BootMapEntry {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    std::uint32_t type = 0; // 1: usable RAM
    friend bool operator==(const BootMapEntry&, const BootMapEntry&) = default;
};

struct BootModule {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
};

struct BootInfo {
    std::uint64_t gpa = 0;
    std::vector<BootMapEntry> map; // in the table's order
    std::vector<BootModule> modules;
    std::string cmdline;
    bool cmdline_terminated = false;
    std::uint64_t rsdp = 0; // PVH; Multiboot does not say, the guest looks from E0000h on
    Defects defects;        // address: guest-physical
};

// Errors: there is no start info at `gpa`.
[[nodiscard]] config::Outcome<BootInfo> decode_pvh_info(const GuestMemory& memory, std::uint64_t gpa,
                                                        const std::string& what);
// Errors: the information cannot be read, or tells no memory map.
[[nodiscard]] config::Outcome<BootInfo> decode_multiboot_info(const GuestMemory& memory, std::uint64_t gpa,
                                                              const std::string& what);

} // namespace septum::verifier::decode
