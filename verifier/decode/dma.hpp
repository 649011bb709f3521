// SPDX-License-Identifier: Apache-2.0
// What an IOMMU's tables give to each of the 65,536 requester ids of a segment, whichever unit it is.
#pragma once

#include "verifier/decode/page_table.hpp"

namespace septum::verifier::decode {

enum class DmaState : std::uint8_t {
    blocked,     // every request is refused
    translated,  // goes through page tables: `domain` of DmaTables
    passthrough, // reaches memory without translation
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

// Requesters that share an id, a root, a depth and rights share a domain.
struct DmaDomain {
    std::uint16_t id = 0;
    std::uint64_t root = 0; // page tables
    int levels = 4;
    std::uint8_t rights = kAccessRead | kAccessWrite; // AMD-Vi: IR and IW of the device table entry
    bool device_tlb = false;     // VT-d TT = 01b, AMD-Vi I = 1: translated requests of the device are believed
    std::vector<Interval> reach; // gpa: DMA address; access: read and write bits
    bool complete = true;
};

struct DmaTables {
    std::vector<RequesterInterval> requesters; // covers 0 .. 0xFFFF without gap, maximal runs
    std::vector<DmaDomain> domains;
    std::vector<std::uint64_t> tables;   // host-physical pages used, sorted, each once
    std::vector<std::uint64_t> deciding; // those of them that say which requester has which domain, the root left out
    Defects defects;
};

// How interrupts of a requester fare.
enum class InterruptState : std::uint8_t {
    blocked,  // none is delivered
    remapped, // fixed interrupts go through an interrupt table
    nmi,      // blocked, but for NMI messages, which pass as they are
    unmapped, // some kind of interrupt passes as it is
    unknown,
};
[[nodiscard]] const char* name(InterruptState state);

// A present (VT-d) or enabled (AMD-Vi) interrupt table entry.
struct InterruptEntry {
    std::uint32_t index = 0;
    bool posted = false; // VT-d IM = 1, AMD-Vi GuestMode = 1
    std::uint8_t vector = 0;
    std::uint8_t delivery = 0;     // VT-d DLM, AMD-Vi IntType
    bool logical = false;          // DM
    std::uint32_t destination = 0; // raw: VT-d DST, x2APIC id, or id << 8 in xAPIC mode; AMD-Vi Destination
    std::uint16_t source = 0;      // VT-d SID; AMD-Vi: the table's requester
    std::uint8_t source_check = 0; // VT-d SVT; 0: nobody checks
    std::uint8_t qualifier = 0;    // VT-d SQ; other than 0: some function bits are not compared
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

} // namespace septum::verifier::decode
