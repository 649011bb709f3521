// SPDX-License-Identifier: Apache-2.0
// The kernel's own host-physical ranges, as the manifest places them.
#pragma once

#include "verifier/facts/facts.hpp"

namespace septum::verifier {

struct OwnRange {
    std::string name; // "the kernel's workspace"
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    bool device = false; // registers, not RAM
    bool low = false;    // below 1 MiB
    bool tables = false; // the sealed tables
    bool log = false;    // the event log, which partitions may be let read: mem.exact says by whom and how
};

inline constexpr std::uint64_t kLocalApicPage = 0xFEE0'0000; // reset value of APIC_BASE (APM 2 §16.3.1)

[[nodiscard]] std::vector<OwnRange> kernel_ranges(const Facts& facts);
[[nodiscard]] std::uint64_t iommu_registers_size(const Facts& facts); // bytes

} // namespace septum::verifier
