// SPDX-License-Identifier: Apache-2.0
// Four-level AMD64 long-mode page tables (APM 2 §5.3, §5.4, §7.8), as nested tables (§15.25) or as the kernel's own.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

inline constexpr std::uint8_t kAccessRead = 1;
inline constexpr std::uint8_t kAccessWrite = 2;
inline constexpr std::uint8_t kAccessExecute = 4;

// PAT memory types (APM 2 §7.8.1).
enum class CacheType : std::uint8_t {
    uncacheable = 0,
    write_combining = 1,
    write_through = 4,
    write_protect = 5,
    write_back = 6,
    uncached_minus = 7,
    reserved = 0xFF
};
[[nodiscard]] const char* name(CacheType type); // "uncacheable", "write-back", …

inline constexpr std::uint64_t kPatReset = 0x0007'0406'0007'0406; // APM 2 §7.8.2

inline constexpr std::uint8_t kPage4K = 1;
inline constexpr std::uint8_t kPage2M = 2;
inline constexpr std::uint8_t kPage1G = 4;

// A maximal run of leaves: both addresses contiguous, the same access, type and privilege. Never empty.
struct Interval {
    std::uint64_t gpa = 0; // input address: guest-physical (nested), virtual (kernel; canonical form)
    std::uint64_t hpa = 0;
    std::uint64_t size = 0;
    std::uint8_t access = 0;     // what every level together allows: kAccess… bits
    std::uint8_t page_sizes = 0; // kPage… bits of the leaves seen
    CacheType type = CacheType::write_back;
    bool user = true; // U/S at every level

    friend bool operator==(const Interval&, const Interval&) = default;
};

// Far more than 64 partitions' RAM, 255 channels and 1,536 BARs can make.
inline constexpr std::size_t kMostIntervals = 1 << 14;

struct PageTableRules {
    // The tables must lie in the sealed tables with A and D preset. False for a guest's own tables in its own memory.
    bool sealed = true;
    bool nested = true;                       // false: the kernel's own tables
    std::uint32_t physical_address_bits = 52; // address bits from here to 51 are reserved (APM 2 §5.3.1)
    std::uint64_t pat = kPatReset;
    bool no_execute = true;                      // EFER.NXE; else bit 63 is reserved
    bool pages_1g = true;                        // CPUID 8000_0001 EDX[26]; else PS in a PDPE is reserved
    std::size_t most_intervals = kMostIntervals; // what would make more is not decoded further
};

struct PageTable {
    std::uint64_t root = 0;
    // Sorted by gpa, disjoint. Nested: a leaf without U/S is left out, since no guest access reaches through it.
    // Entries with reserved bits are kept as if the bits were clear: a processor that looked away would grant that
    // much.
    std::vector<Interval> intervals;
    std::vector<std::uint64_t> tables; // host-physical pages the walk read, sorted, each once
    std::uint64_t entries = 0;         // present entries read, leaves and tables
    std::uint64_t leaves = 0;
    // Everything was read. When not (a table outside the bundle, a bound reached), `intervals` may lack grants and
    // `defects` says why.
    bool complete = true;
    Defects defects; // address: of the entry, host-physical; found: its raw value
};

// Linear in the present entries; bounded when tables are shared or in a cycle. `what` begins every defect's text.
[[nodiscard]] PageTable decode_page_table(const HostMemory& memory, std::uint64_t root, const PageTableRules& rules,
                                          const std::string& what);

// The same intervals sorted by hpa.
[[nodiscard]] std::vector<Interval> by_host(std::vector<Interval> intervals);

// One step of a walk for one address.
struct PageStep {
    int level = 4; // 4: PML4 … 1: PT
    std::uint64_t table = 0;
    std::uint32_t index = 0;
    std::uint64_t entry = 0;
    bool readable = true; // the table lies in the bundle
    bool leaf = false;
};
struct PageWalk {
    std::vector<PageStep> steps; // 1 to 4
    bool mapped = false;
    std::uint64_t hpa = 0;
    std::uint64_t page_size = 0;
    std::uint8_t access = 0;
    CacheType type = CacheType::write_back;
};
[[nodiscard]] PageWalk walk_page_table(const HostMemory& memory, std::uint64_t root, std::uint64_t address,
                                       const PageTableRules& rules);

} // namespace septum::verifier::decode
