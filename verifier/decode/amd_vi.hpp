// SPDX-License-Identifier: Apache-2.0
// AMD-Vi (AMD I/O Virtualization Technology Specification 48882: §2.2.2 device table, §2.2.3 I/O page tables, §2.2.5
// interrupt tables): which of the 65,536 requester ids reaches what, and how its interrupts fare. An entry that is not
// valid lets everything through, so all entries count.
#pragma once

#include "verifier/decode/dma.hpp"

namespace septum::verifier::decode {

// Requester ids [first, last] whose interrupts fare alike.
struct InterruptRoute {
    std::uint32_t first = 0;
    std::uint32_t last = 0; // inclusive
    InterruptState state = InterruptState::unknown;
    std::uint32_t table = 0; // for remapped: index into `tables`
    friend bool operator==(const InterruptRoute&, const InterruptRoute&) = default;
};

// The interrupt table of one or more device table entries.
struct DeviceInterruptTable {
    std::uint64_t base = 0;
    std::uint32_t entries = 0;           // 2^IntTabLen: 1 .. 2048
    std::uint32_t entry_size = 4;        // bytes: 4, or 16
    std::uint16_t requester = 0;         // the first one that uses it
    std::vector<InterruptEntry> enabled; // RemapEn = 1, by index
};

struct AmdViTables {
    DmaTables dma;                              // defects of everything here
    std::vector<InterruptRoute> interrupts;     // covers 0 .. 0xFFFF without gap, maximal runs
    std::vector<DeviceInterruptTable> tables;   // in the order of requesters
    std::vector<std::uint64_t> interrupt_pages; // host-physical pages that they touch, sorted, each once
};

// `wide`: interrupt table entries have 128 bits (guest APIC or x2APIC mode), else 32.
[[nodiscard]] AmdViTables decode_amd_vi(const HostMemory& memory, std::uint64_t device_table,
                                        std::uint32_t physical_address_bits, bool wide, const std::string& what);

} // namespace septum::verifier::decode
