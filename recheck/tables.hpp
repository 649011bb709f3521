// SPDX-License-Identifier: Apache-2.0
// The hardware's tables, read from the manuals: nested page tables, permission maps, DMA remapping.
#pragma once

#include "recheck/claims.hpp"

namespace septum::recheck {

// Host-physical memory as the bundle will fill it, with the sealed tables inside: [sealed, sealed + sealed_size).
struct Host {
    std::uint64_t base = 0;
    Bytes bytes;
    std::uint64_t sealed = 0;
    std::uint64_t sealed_size = 0;

    // Whole tables must lie in the sealed part: throws Differs, naming `what`, when one does not.
    [[nodiscard]] Bytes table(std::uint64_t address, std::uint64_t size, const std::string& what) const;
};

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kMostRuns = 1 << 14;                // of one partition or DMA domain
constexpr std::uint64_t kAddress = 0x000F'FFFF'FFFF'F000; // of a table or page, in an entry of any of these formats

[[nodiscard]] std::uint64_t word(Bytes table, std::size_t index); // the index-th quadword
// Adds a mapping behind those before it, or makes the last one longer.
void extend(std::vector<Memory>& runs, Memory run);

// AMD APM volume 2 §15.5, appendix B: a template must run its partition on the very tables that the manifest names.
struct Roots {
    std::uint64_t nested = 0;
    std::uint64_t iopm = 0;
    std::uint64_t msrpm = 0;
    std::uint32_t asid = 0;
};
void check_template(const Host& host, std::uint64_t vmcb, const Roots& roots, const std::string& who);

// AMD APM volume 2 §5.3, §15.25: what a guest reaches through the nested tables at `root`, by guest address.
[[nodiscard]] std::vector<Memory> nested_reach(const Host& host, std::uint64_t root, const std::string& who);
// §15.10.1: ports whose byte accesses do not exit.
[[nodiscard]] std::vector<Range> granted_ports(const Host& host, std::uint64_t iopm, const std::string& who);
// §15.11: MSRs that do not exit on RDMSR (`write` false) or WRMSR.
[[nodiscard]] std::vector<Range> granted_msrs(const Host& host, std::uint64_t msrpm, bool write,
                                              const std::string& who);

struct Remapping {
    std::vector<Requesters> requesters; // all 65,536 ids
    std::vector<Domain> domains;        // by id
};
// Intel VT-d §9.1, §9.3, §9.8: root table, context entries, second-stage tables.
[[nodiscard]] Remapping vtd_remapping(const Host& host, std::uint64_t root_table);
// AMD IOMMU §2.2.2, §2.2.3: device table, I/O page tables.
[[nodiscard]] Remapping amd_remapping(const Host& host, std::uint64_t device_table);

} // namespace septum::recheck
