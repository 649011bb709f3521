// SPDX-License-Identifier: Apache-2.0
// The zero page a Linux guest is entered with (Linux x86 boot protocol 2.15; struct boot_params, zero-page.rst).
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

struct E820Entry {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    std::uint32_t type = 0; // 1: usable RAM, 2: reserved, 3: ACPI, 4: NVS
    friend bool operator==(const E820Entry&, const E820Entry&) = default;
};

struct LinuxParams {
    std::uint64_t gpa = 0;             // of the zero page
    std::vector<E820Entry> e820;       // 1E8h, 2D0h: in the table's order
    std::uint16_t boot_flag = 0;       // 1FEh: AA55h
    std::uint32_t header = 0;          // 202h: "HdrS"
    std::uint16_t version = 0;         // 206h
    std::uint8_t type_of_loader = 0;   // 210h
    std::uint8_t loadflags = 0;        // 211h: bit 0 LOADED_HIGH
    std::uint16_t xloadflags = 0;      // 236h: bit 0 XLF_KERNEL_64
    std::uint64_t ramdisk = 0;         // 218h, 0C0h
    std::uint64_t ramdisk_size = 0;    // 21Ch, 0C4h
    std::uint64_t cmdline_gpa = 0;     // 228h, 0C8h
    std::uint32_t cmdline_limit = 0;   // 238h
    std::string cmdline;               // up to its zero
    bool cmdline_terminated = false;   // within cmdline_limit
    std::uint32_t code32_start = 0;    // 214h
    std::uint64_t setup_data = 0;      // 250h
    std::uint64_t pref_address = 0;    // 258h
    std::uint32_t init_size = 0;       // 260h
    std::uint32_t initrd_addr_max = 0; // 22Ch
    std::uint64_t acpi_rsdp = 0;       // 070h
    Defects defects;                   // address: guest-physical
};

// Errors: the page is not one that carries a setup header.
[[nodiscard]] config::Outcome<LinuxParams> decode_linux_params(const GuestMemory& memory, std::uint64_t gpa,
                                                               const std::string& what);

} // namespace septum::verifier::decode
