// SPDX-License-Identifier: Apache-2.0
// The ACPI tables that a board file is made from (ACPI 6.5 §5.2; VT-d §8; AMD IOMMU §5.2; MCFG: PCI firmware 3.2
// §4.1.2). Whatever the bytes, nothing outside them is read; a table that is cut short gives what is whole.
#pragma once

#include "probe/machine.hpp"

#include <span>

namespace septum::probe {

using ByteSpan = std::span<const std::uint8_t>;

[[nodiscard]] std::vector<std::uint32_t> madt_apic_ids(ByteSpan table); // enabled, in the table's order
[[nodiscard]] std::optional<std::uint64_t> mcfg_base(ByteSpan table);   // segment 0, from bus 0 on
void read_dmar(ByteSpan table, Machine& machine);
void read_ivrs(ByteSpan table, Machine& machine);
[[nodiscard]] std::map<std::uint32_t, std::uint32_t> srat_nodes(ByteSpan table); // APIC id → proximity domain

[[nodiscard]] std::uint64_t little(ByteSpan bytes, std::size_t at, std::size_t size); // 0 beyond the end

} // namespace septum::probe
