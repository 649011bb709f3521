// SPDX-License-Identifier: Apache-2.0
// The ACPI tables a guest finds (ACPI 6.5 §5.2, §20): RSDP → XSDT → FADT, MADT, DSDT; and what they tell it.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

struct AcpiTable {
    std::string signature; // "FACP"
    std::uint64_t gpa = 0;
    std::uint32_t length = 0;
    std::uint8_t revision = 0;
    bool checksum_ok = false;
};

struct GenericAddress {     // §5.2.3.2
    std::uint8_t space = 0; // 0: memory, 1: I/O
    std::uint8_t bits = 0;
    std::uint8_t offset = 0;
    std::uint8_t access = 0;
    std::uint64_t address = 0;
    friend bool operator==(const GenericAddress&, const GenericAddress&) = default;
};

struct AcpiCpu {
    std::uint32_t apic_id = 0;
    std::uint32_t uid = 0;
    bool enabled = false;
    bool x2apic = false; // a type 9 entry
};

struct AcpiPorts {
    std::uint32_t first = 0;
    std::uint32_t last = 0; // inclusive
};

struct AcpiMemory {
    std::uint64_t first = 0;
    std::uint64_t last = 0; // inclusive
};

struct AcpiBuses {
    std::uint32_t first = 0;
    std::uint32_t last = 0; // inclusive
};

struct AcpiDevice {
    std::string path; // "\_SB.COM1"
    std::string hid;  // "PNP0501"; empty when there is none
    std::vector<AcpiPorts> ports;
    std::vector<AcpiMemory> memory;
    std::vector<std::uint32_t> interrupts;
    std::vector<AcpiBuses> buses; // of a PCI root bridge
};

struct Acpi {
    std::uint64_t rsdp = 0;
    std::vector<AcpiTable> tables; // in the XSDT's order, the DSDT after its FADT; the XSDT first
    // FADT
    bool has_fadt = false;
    std::uint32_t fadt_flags = 0;
    std::uint16_t sci_interrupt = 0;                                                // §5.2.9: SCI_INT
    [[nodiscard]] bool hw_reduced() const { return ((fadt_flags >> 20) & 1) != 0; } // HW_REDUCED_ACPI
    // FORCE_APIC_PHYSICAL_DESTINATION_MODE
    [[nodiscard]] bool physical_destination() const { return ((fadt_flags >> 19) & 1) != 0; }
    std::uint16_t iapc_boot_arch = 0; // §5.2.9.3: bit 1 8042, bit 2 VGA not present, bit 5 CMOS RTC not present
    GenericAddress sleep_control;
    GenericAddress sleep_status;
    GenericAddress reset_register;
    std::uint8_t reset_value = 0;
    bool legacy_blocks = false; // some PM1/PM2/PM timer/GPE/SMI_CMD field is not zero
    // MADT
    bool has_madt = false;
    bool pcat_compat = false; // dual 8259s
    std::uint64_t local_apic = 0;
    std::vector<AcpiCpu> cpus; // in the table's order
    std::uint32_t ioapics = 0;
    std::uint32_t overrides = 0; // interrupt source overrides, NMI sources
    // DSDT
    bool has_dsdt = false;
    std::vector<AcpiDevice> devices;
    std::vector<std::string> names;       // every named object, absolute paths
    std::optional<std::uint64_t> s5_type; // first element of \_S5
    // The whole AML was understood. When not, it may hold devices or methods that are not listed.
    bool aml_complete = false;
    Defects defects; // address: guest-physical
};

// Looks for the RSDP where firmware would put it (§5.2.5.1: [0xE0000, 0x100000) on 16-byte boundaries), or at
// `rsdp` when it is not 0. Errors: no RSDP with a good checksum.
[[nodiscard]] config::Outcome<Acpi> decode_acpi(const GuestMemory& memory, std::uint64_t rsdp, const std::string& what);

} // namespace septum::verifier::decode
