// SPDX-License-Identifier: Apache-2.0
// Intel VT-d in legacy mode (VT-d specification §9.1 root entry, §9.3 context entry, §9.8 second-stage entries, §9.10
// interrupt remapping table entry): which of the 65,536 requester ids reaches what, and which interrupts get through.
#pragma once

#include "verifier/decode/page_table.hpp"

namespace septum::verifier::decode {

enum class DmaState : std::uint8_t {
    blocked,     // not present: every request is refused
    translated,  // goes through second-stage tables: `domain` of VtdTables
    passthrough, // TT = 10b: all of memory
    unknown,     // the table that decides lies outside the bundle, or the entry is malformed
};
[[nodiscard]] const char* name(DmaState state);

struct RequesterInterval {
    std::uint32_t first = 0; // requester id: bus << 8 | device << 3 | function
    std::uint32_t last = 0;  // inclusive
    DmaState state = DmaState::unknown;
    std::uint32_t domain = 0; // for translated: index into `domains`
    friend bool operator==(const RequesterInterval&, const RequesterInterval&) = default;
};

struct DmaDomain {
    std::uint16_t id = 0;
    std::uint64_t root = 0; // second-stage tables
    int levels = 4;
    bool device_tlb = false;     // TT = 01b: translated requests of the device are believed
    std::vector<Interval> reach; // gpa: DMA address; access: read and write bits
    bool complete = true;
};

struct VtdTables {
    std::vector<RequesterInterval> requesters; // covers 0 .. 0xFFFF without gap, maximal runs
    std::vector<DmaDomain> domains;
    std::vector<std::uint64_t> tables; // host-physical pages used, sorted, each once
    Defects defects;
};

[[nodiscard]] VtdTables decode_vtd(const HostMemory& memory, std::uint64_t root_table,
                                   std::uint32_t physical_address_bits, const std::string& what);

struct InterruptEntry { // a present interrupt remapping table entry
    std::uint32_t index = 0;
    bool posted = false; // IM = 1
    std::uint8_t vector = 0;
    std::uint8_t delivery = 0;     // DLM
    bool logical = false;          // DM
    std::uint32_t destination = 0; // raw DST: x2APIC id, or id << 8 in xAPIC mode
    std::uint16_t source = 0;      // SID
    std::uint8_t source_check = 0; // SVT; 0: nobody checks
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

struct InterruptTable {
    bool readable = false;
    std::uint64_t entries = 0;           // as given: 2 .. 65536, power of two
    std::vector<InterruptEntry> present; // by index
    std::vector<std::uint64_t> tables;   // pages used
    Defects defects;
};

[[nodiscard]] InterruptTable decode_interrupt_table(const HostMemory& memory, std::uint64_t base, std::uint64_t entries,
                                                    const std::string& what);

} // namespace septum::verifier::decode
