// SPDX-License-Identifier: Apache-2.0
#include "build/tables/acpi.hpp"

#include "build/tables/aml.hpp"

#include <septum/guest/board.hpp>

#include <numeric>
#include <string_view>

namespace septum::build {
namespace {

using Table = std::vector<std::uint8_t>;

// System description table header (ACPI 6.4 §5.2.6).
constexpr std::size_t kHeaderSize = 36;
constexpr std::size_t kChecksum = 9;

void store_text(ByteSpan bytes, std::size_t offset, std::string_view text) {
    for (const char c : text) {
        store8(bytes, offset++, static_cast<std::uint8_t>(c));
    }
}

std::uint8_t checksum(ByteView bytes) {
    const auto sum = std::accumulate(bytes.begin(), bytes.end(), 0U);
    return static_cast<std::uint8_t>(0U - sum);
}

Table make_table(std::string_view signature, std::uint8_t revision, std::size_t size) {
    Table table(size, 0);
    store_text(table, 0, signature);
    store32(table, 4, static_cast<std::uint32_t>(size));
    store8(table, 8, revision);
    store_text(table, 10, "SEPTUM");   // OEMID
    store_text(table, 16, "PARTITIO"); // OEM table id
    store32(table, 24, 1);             // OEM revision
    store_text(table, 28, "SPTM");     // creator
    store32(table, 32, 1);
    return table;
}

void seal(Table& table) {
    table[kChecksum] = 0;
    table[kChecksum] = checksum(table);
}

// Generic Address Structure (§5.2.3.2): one byte of system I/O.
void store_port(ByteSpan bytes, std::size_t offset, std::uint16_t port) {
    store8(bytes, offset, 1);     // system I/O space
    store8(bytes, offset + 1, 8); // bits
    store8(bytes, offset + 2, 0);
    store8(bytes, offset + 3, 1); // byte access
    store64(bytes, offset + 4, port);
}

// Fixed ACPI Description Table, revision 6 (§5.2.9).
Table make_fadt(std::uint64_t dsdt, bool pci) {
    constexpr std::size_t kSize = 276;
    constexpr std::size_t kDsdt = 40;
    constexpr std::size_t kInterrupt = 46;
    constexpr std::size_t kBootArchitecture = 109;
    constexpr std::size_t kFlags = 112;
    constexpr std::size_t kResetRegister = 116;
    constexpr std::size_t kResetValue = 128;
    constexpr std::size_t kMinorVersion = 131;
    constexpr std::size_t kXDsdt = 140;
    constexpr std::size_t kSleepControl = 244;
    constexpr std::size_t kSleepStatus = 256;
    constexpr std::size_t kHypervisor = 268;

    constexpr std::uint16_t kNoVga = 1U << 2; // table 5-11
    constexpr std::uint16_t kNoMsi = 1U << 3;
    constexpr std::uint16_t kNoAspm = 1U << 4;
    constexpr std::uint16_t kNoCmos = 1U << 5;

    constexpr std::uint32_t kWbinvd = 1U << 0; // table 5-10
    constexpr std::uint32_t kNoPowerButton = 1U << 4;
    constexpr std::uint32_t kNoSleepButton = 1U << 5;
    constexpr std::uint32_t kResetSupported = 1U << 10;
    constexpr std::uint32_t kHeadless = 1U << 12;
    constexpr std::uint32_t kPhysicalDestination = 1U << 19; // the only one that messages of devices may have
    constexpr std::uint32_t kHardwareReduced = 1U << 20;

    Table fadt = make_table("FACP", 6, kSize);
    store32(fadt, kDsdt, static_cast<std::uint32_t>(dsdt));
    store16(fadt, kBootArchitecture, static_cast<std::uint16_t>(kNoVga | (pci ? kNoAspm : kNoMsi) | kNoCmos));
    store16(fadt, kInterrupt, kAcpiInterrupt);
    store32(fadt, kFlags,
            kWbinvd | kNoPowerButton | kNoSleepButton | kResetSupported | kHeadless | kPhysicalDestination |
                kHardwareReduced);
    store_port(fadt, kResetRegister, guest::kResetPort);
    store8(fadt, kResetValue, 1);
    store8(fadt, kMinorVersion, 4);
    store64(fadt, kXDsdt, dsdt);
    store_port(fadt, kSleepControl, guest::kSleepPort);
    store_port(fadt, kSleepStatus, guest::kSleepStatusPort);
    store_text(fadt, kHypervisor, "Septum");
    seal(fadt);
    return fadt;
}

// Multiple APIC Description Table (§5.2.12): no I/O APIC, no PIC.
Table make_madt(const std::vector<std::uint32_t>& apic_ids) {
    constexpr std::size_t kLocalApicSize = 8;
    constexpr std::size_t kX2apicSize = 16;
    constexpr std::size_t kEntries = 44;
    constexpr std::uint32_t kFirstX2apicId = 255;
    std::size_t size = kEntries;
    for (const std::uint32_t id : apic_ids) {
        size += id < kFirstX2apicId ? kLocalApicSize : kX2apicSize;
    }
    Table madt = make_table("APIC", 5, size);
    store32(madt, 36, 0xFEE0'0000); // local APIC address
    store32(madt, 40, 0);           // flags: no PCAT_COMPAT
    std::size_t at = kEntries;
    for (std::size_t uid = 0; uid < apic_ids.size(); ++uid) {
        const std::uint32_t id = apic_ids[uid];
        if (id < kFirstX2apicId) { // processor local APIC (§5.2.12.2)
            store8(madt, at, 0);
            store8(madt, at + 1, kLocalApicSize);
            store8(madt, at + 2, static_cast<std::uint8_t>(uid));
            store8(madt, at + 3, static_cast<std::uint8_t>(id));
            store32(madt, at + 4, 1); // enabled
            at += kLocalApicSize;
        } else { // processor local x2APIC (§5.2.12.12)
            store8(madt, at, 9);
            store8(madt, at + 1, kX2apicSize);
            store32(madt, at + 4, id);
            store32(madt, at + 8, 1); // enabled
            store32(madt, at + 12, static_cast<std::uint32_t>(uid));
            at += kX2apicSize;
        }
    }
    seal(madt);
    return madt;
}

// A device of the namespace: _HID, _UID 0 and _CRS.
aml::Code make_device(std::string_view name, std::uint32_t id, const aml::Code& resources) {
    aml::Code body = aml::name("_HID", aml::dword(id));
    for (const aml::Code& object : {aml::name("_UID", aml::byte(0)), aml::name("_CRS", aml::buffer(resources))}) {
        body.insert(body.end(), object.begin(), object.end());
    }
    return aml::device(name, body);
}

aml::Code make_console() {
    constexpr std::uint32_t kPnp0501 = 0x0105'D041; // EISAID("PNP0501"), a 16550A (§19.3.4)
    constexpr std::uint8_t kPortLow = guest::kUartPort & 0xFFU;
    constexpr std::uint8_t kPortHigh = guest::kUartPort >> 8U;
    // I/O port descriptor (§6.4.2.5) and end tag (§6.4.2.9). No interrupt: it is polled.
    return make_device("COM1", kPnp0501,
                       {0x47, 0x01, kPortLow, kPortHigh, kPortLow, kPortHigh, 0x01, 0x08, 0x79, 0x00});
}

// Bus 0, by mechanism #1 alone, with the one window where the partition's BARs are. No _PRT: no legacy interrupts.
aml::Code make_root_bridge() {
    constexpr std::uint32_t kPnp0A03 = 0x030A'D041; // EISAID("PNP0A03"), a PCI bus
    constexpr std::uint8_t kFixed = 0x0C; // general flags: both ends fixed, positive decode, produced (§6.4.3.5)
    aml::Code resources;
    const auto put = [&resources](std::uint32_t value, unsigned bytes) {
        for (unsigned i = 0; i < bytes; ++i) {
            resources.push_back(static_cast<std::uint8_t>(value >> 8 * i));
        }
    };
    put(0x88, 1); // word address space descriptor (§6.4.3.5.3)
    put(13, 2);
    put(2, 1); // bus numbers
    put(kFixed, 1);
    put(0, 1);
    for (const std::uint32_t word : {0U, 0U, 0U, 0U, 1U}) { // granularity, first, last, translation, length
        put(word, 2);
    }
    put(0x87, 1); // double word address space descriptor (§6.4.3.5.2)
    put(23, 2);
    put(0, 1); // memory
    put(kFixed, 1);
    put(1, 1); // uncacheable, read and write
    constexpr auto kFirst = static_cast<std::uint32_t>(guest::kPciBase);
    constexpr auto kLast = static_cast<std::uint32_t>(guest::kPciLimit - 1);
    for (const std::uint32_t dword : {0U, kFirst, kLast, 0U, kLast - kFirst + 1}) {
        put(dword, 4);
    }
    constexpr auto kPort = guest::kPciAddressPort; // consumed: 0xCF8 to 0xCFF
    resources.insert(resources.end(),
                     {0x47, 0x01, kPort & 0xFFU, kPort >> 8U, kPort & 0xFFU, kPort >> 8U, 0x01, 0x08, 0x79, 0x00});
    return make_device("PCI0", kPnp0A03, resources);
}

} // namespace

std::vector<std::uint8_t> acpi_dsdt(bool console, bool pci) {
    // SLP_TYPa of S5: what guest::kSleepPowerOff carries in bits 4:2, bit 5 being SLP_EN (§4.8.3.7).
    constexpr std::uint8_t kSleepType = (guest::kSleepPowerOff >> 2U) & 7U;
    static_assert(guest::kSleepPowerOff == (0x20U | kSleepType << 2U));
    aml::Code code = aml::name("_S5_", aml::package({kSleepType, kSleepType, 0, 0}));
    aml::Code devices = console ? make_console() : aml::Code{};
    if (pci) { // an empty bus is left to who looks for it: of one in ACPI, Linux misses the memory-mapped configuration
               // space
        const aml::Code bridge = make_root_bridge();
        devices.insert(devices.end(), bridge.begin(), bridge.end());
    }
    if (!devices.empty()) {
        const aml::Code scope = aml::scope_sb(devices);
        code.insert(code.end(), scope.begin(), scope.end());
    }
    Table dsdt = make_table("DSDT", 2, kHeaderSize + code.size());
    store_bytes(dsdt, kHeaderSize, code);
    seal(dsdt);
    return dsdt;
}

std::vector<std::uint8_t> acpi_tables(const AcpiMachine& machine, Gpa base) {
    constexpr std::size_t kRsdpSize = 36;
    constexpr std::size_t kXsdtAt = 0x40;
    constexpr std::size_t kXsdtSize = kHeaderSize + std::size_t{2} * 8;
    constexpr std::size_t kFadtAt = 0x80;
    const auto align = [](std::size_t at) { return (at + 15) & ~std::size_t{15}; };

    const Table madt = make_madt(machine.apic_ids);
    const Table dsdt = acpi_dsdt(machine.console, machine.pci);
    const std::size_t madt_at = align(kFadtAt + 276);
    const std::size_t dsdt_at = align(madt_at + madt.size());
    const Table fadt = make_fadt(base.value + dsdt_at, machine.pci);

    Table xsdt = make_table("XSDT", 1, kXsdtSize); // §5.2.8
    store64(xsdt, kHeaderSize, base.value + kFadtAt);
    store64(xsdt, kHeaderSize + 8, base.value + madt_at);
    seal(xsdt);

    Table all(dsdt_at + dsdt.size(), 0);
    store_text(all, 0, "RSD PTR "); // §5.2.5.3
    store_text(all, 9, "SEPTUM");
    store8(all, 15, 2);
    store32(all, 20, kRsdpSize);
    store64(all, 24, base.value + kXsdtAt);
    store8(all, 8, checksum(ByteView(all).first(20)));
    store8(all, 32, checksum(ByteView(all).first(kRsdpSize)));
    store_bytes(all, kXsdtAt, xsdt);
    store_bytes(all, kFadtAt, fadt);
    store_bytes(all, madt_at, madt);
    store_bytes(all, dsdt_at, dsdt);
    return all;
}

} // namespace septum::build
