// SPDX-License-Identifier: Apache-2.0
// Intel VT-d in legacy mode (VT-d specification §9.1 root entry, §9.3 context entry, §9.8 second-stage entries, §9.10
// interrupt remapping table entry): which of the 65,536 requester ids reaches what, and which interrupts get through.
#pragma once

#include "verifier/decode/dma.hpp"

namespace septum::verifier::decode {

[[nodiscard]] DmaTables decode_vtd(const HostMemory& memory, std::uint64_t root_table,
                                   std::uint32_t physical_address_bits, const std::string& what);

// An entry that is not present, but says whose it will be: SVT, SQ and SID are set, all else is zero. The unit ignores
// them while P = 0 (§9.10); the kernel keeps them when it makes the entry present.
struct ReservedHandle {
    std::uint32_t index = 0;
    std::uint16_t source = 0;      // SID
    std::uint8_t source_check = 0; // SVT
    std::uint8_t qualifier = 0;    // SQ
};

struct InterruptTable {
    bool readable = false;
    std::uint64_t entries = 0;            // as given: 2 .. 65536, power of two
    std::vector<InterruptEntry> present;  // by index
    std::vector<ReservedHandle> reserved; // by index
    std::vector<std::uint64_t> tables;    // pages used
    Defects defects;
};

[[nodiscard]] InterruptTable decode_interrupt_table(const HostMemory& memory, std::uint64_t base, std::uint64_t entries,
                                                    const std::string& what);

} // namespace septum::verifier::decode
