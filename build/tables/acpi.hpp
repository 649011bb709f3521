// SPDX-License-Identifier: Apache-2.0
// What a Linux partition is told about its machine: RSDP, XSDT, FADT, MADT, DSDT (ACPI 6.4).
#pragma once

#include "build/tables/bytes.hpp"

#include <septum/types.hpp>

#include <cstdint>
#include <vector>

namespace septum::build {

// The interrupt of ACPI events on a PC. With hardware-reduced ACPI there are none, and nothing raises it.
inline constexpr unsigned kAcpiInterrupt = 9;

struct AcpiMachine {
    std::vector<std::uint32_t> apic_ids; // the boot CPU first
    bool console = false;                // has a 16550 at guest::kUartPort
    bool pci = false;                    // has a PCI bus with devices of its own
};

// All tables in one block, which the guest will see at `base`; the RSDP comes first.
[[nodiscard]] std::vector<std::uint8_t> acpi_tables(const AcpiMachine& machine, Gpa base);

// The DSDT alone, header included.
[[nodiscard]] std::vector<std::uint8_t> acpi_dsdt(bool console, bool pci);

} // namespace septum::build
