// SPDX-License-Identifier: Apache-2.0
// The hardware's tables, read from the manuals: nested page tables, permission maps, DMA and interrupt remapping.
#pragma once

#include "recheck/claims.hpp"

#include <septum/manifest/manifest.hpp>

#include <map>

namespace septum::recheck {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint32_t kIds = 0x1'0000;                  // of requesters
constexpr std::size_t kMostRuns = 1 << 14;                // of one partition or DMA domain
constexpr std::uint64_t kAddress = 0x000F'FFFF'FFFF'F000; // of a table or page, in an entry of any of these formats

// Host-physical memory as the bundle will fill it, with the sealed tables inside: [sealed, sealed + sealed_size).
struct Host {
    std::uint64_t base = 0;
    Bytes bytes;
    std::uint64_t sealed = 0;
    std::uint64_t sealed_size = 0;
    std::map<std::uint64_t, std::pair<std::uint64_t, std::string>> used; // tables so far: first byte, end, whose

    // A table must lie in the sealed part, whole, and nothing else may be made of its bytes: throws Differs, naming
    // `what`, when either is not so. That also bounds all walks, whatever the bytes.
    [[nodiscard]] Bytes table(std::uint64_t address, std::uint64_t size, const std::string& what,
                              std::uint64_t alignment = kPage);
};

[[nodiscard]] std::uint64_t word(Bytes table, std::size_t index); // the index-th quadword

// Page tables of either kind: AMD APM volume 2 §5.3, §15.25; Intel VT-d §9.8; AMD IOMMU §2.2.3.
enum class Format : std::uint8_t { nested, vt_d, amd_vi };
// What is reached through the tables at `root`, by address. `rights`: those of what leads to it; bit 0 to read, bit 1
// to write, bit 2 to execute.
[[nodiscard]] std::vector<Memory> reach(Host& host, Format format, std::uint64_t root, int levels, std::uint64_t rights,
                                        const std::string& who);

// AMD APM volume 2 §15.5, appendix B: a template must run its partition on the very tables that the manifest names.
void check_template(Host& host, std::uint64_t vmcb, const manifest::Partition& record, const std::string& who);
// §15.10.1, §15.11: fills in ports whose byte accesses do not exit, and MSRs that do not exit on RDMSR or WRMSR.
void read_maps(Host& host, const manifest::Partition& record, Partition& out);

// Both fill in requesters, all 65,536 ids, and domains, by id; and find `devices` in the interrupt tables.
// Intel VT-d §9.1, §9.3, §9.8: root table, context entries, second-stage tables.
void read_vtd(Host& host, const manifest::Iommu& unit, Image& out);
// AMD IOMMU §2.2.2, §2.2.3: device table, I/O page tables.
void read_amd(Host& host, const manifest::Iommu& unit, Image& out);
// Intel VT-d §9.10: the interrupt remapping table.
void vtd_interrupts(Host& host, const manifest::Iommu& unit, std::vector<Owned>& devices);
// AMD IOMMU §2.2.2, §2.2.5: by the third quadword of a device table entry; `wide`: its table's entries have 128 bits.
void amd_interrupts(Host& host, std::uint32_t id, std::uint64_t entry, bool wide, std::vector<Owned>& devices);

} // namespace septum::recheck
