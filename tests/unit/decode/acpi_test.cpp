// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/acpi.hpp"

#include "memory.hpp"

#include <cstring>
#include <numeric>

namespace septum::verifier::decode {
namespace {

using test::put;
using Bytes = std::vector<std::uint8_t>;

Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

// PkgLength in its two-byte form (ACPI 6.5 §20.2.4), which any length may take.
Bytes package(const Bytes& body) {
    const std::size_t length = body.size() + 2;
    return Bytes{static_cast<std::uint8_t>(0x40 | (length & 15)), static_cast<std::uint8_t>(length >> 4)} + body;
}

Bytes segment(const char* name) {
    return {name, name + 4};
}

const Bytes kResources = {0x47, 0x01, 0xF8, 0x03, 0xF8, 0x03, 0x01, 0x08, 0x79, 0x00};

Bytes device_body() {
    return segment("COM1") + Bytes{0x08} + segment("_HID") + Bytes{0x0C, 0x41, 0xD0, 0x05, 0x01} + Bytes{0x08} +
           segment("_UID") + Bytes{0x01} + Bytes{0x14} + package(segment("_STA") + Bytes{0x00, 0xA4, 0x0A, 0x0F}) +
           Bytes{0x08} + segment("_CRS") + Bytes{0x11} + package(Bytes{0x0A, 10} + kResources);
}

Bytes good_aml() {
    const Bytes device = Bytes{0x5B, 0x82} + package(device_body());
    return Bytes{0x10} + package(Bytes{'\\'} + segment("_SB_") + device) + Bytes{0x08, '\\'} + segment("_S5_") +
           Bytes{0x12, 0x07, 0x04, 0x0A, 0x05, 0x00, 0x00, 0x00};
}

constexpr std::uint64_t kXsdt = 0x100, kFadt = 0x200, kMadt = 0x400, kDsdt = 0x500; // from 0xE0000

struct Firmware {
    Bytes bytes = Bytes(0x2000, 0);

    void seal(std::uint64_t at, std::uint64_t size, std::uint64_t checksum) {
        bytes[checksum] = 0;
        const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        bytes[checksum] =
            static_cast<std::uint8_t>(-std::accumulate(first, first + static_cast<std::ptrdiff_t>(size), 0));
    }
    void header(std::uint64_t at, const char* signature, std::uint64_t size, std::uint8_t revision) {
        std::memcpy(bytes.data() + at, signature, 4);
        put(bytes, at + 4, size, 4);
        bytes[at + 8] = revision;
    }
    void table(std::uint64_t at) { seal(at, *le32(bytes, at + 4), at + 9); }
    [[nodiscard]] GuestMemory memory() const { return GuestMemory({{0xE0000, bytes}}); }
    [[nodiscard]] Acpi decode() const {
        auto outcome = decode_acpi(memory(), 0, "acpi");
        EXPECT_TRUE(outcome.ok());
        return outcome.value.value_or(Acpi{});
    }
    void aml(const Bytes& body) {
        header(kDsdt, "DSDT", 36 + body.size(), 2);
        std::copy(body.begin(), body.end(), bytes.begin() + kDsdt + 36);
        table(kDsdt);
    }
};

Firmware good() {
    Firmware f;
    std::memcpy(f.bytes.data(), "RSD PTR ", 8);
    f.bytes[15] = 2;
    put(f.bytes, 20, 36, 4);
    put(f.bytes, 24, 0xE0000 + kXsdt, 8);
    f.seal(0, 20, 8);
    f.seal(0, 36, 32);
    f.header(kXsdt, "XSDT", 36 + 16, 1);
    put(f.bytes, kXsdt + 36, 0xE0000 + kFadt, 8);
    put(f.bytes, kXsdt + 44, 0xE0000 + kMadt, 8);
    f.table(kXsdt);
    f.header(kFadt, "FACP", 276, 6);
    put(f.bytes, kFadt + 109, 1 << 2 | 1 << 5, 2);
    put(f.bytes, kFadt + 46, 9, 2);
    put(f.bytes, kFadt + 112, 1 << 20 | 1 << 19, 4);
    put(f.bytes, kFadt + 140, 0xE0000 + kDsdt, 8);
    f.bytes[kFadt + 244] = 1;
    f.bytes[kFadt + 245] = 8;
    put(f.bytes, kFadt + 248, 0x5E00, 8);
    f.bytes[kFadt + 256] = 1;
    put(f.bytes, kFadt + 260, 0x5E01, 8);
    f.table(kFadt);
    f.header(kMadt, "APIC", 44 + 8 + 16, 5);
    put(f.bytes, kMadt + 36, 0xFEE0'0000, 4);
    const Bytes entries = {0, 8, 0, 2, 1, 0, 0, 0, 9, 16, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    std::copy(entries.begin(), entries.end(), f.bytes.begin() + kMadt + 44);
    f.table(kMadt);
    f.aml(good_aml());
    return f;
}

TEST(Acpi, TellsWhatTheTablesSay) {
    const Acpi a = good().decode();
    EXPECT_TRUE(a.defects.empty()) << (a.defects.kept().empty() ? "" : a.defects.kept()[0].what);
    EXPECT_EQ(a.rsdp, 0xE0000U);
    ASSERT_EQ(a.tables.size(), 4U);
    EXPECT_EQ(a.tables[0].signature, "XSDT");
    EXPECT_EQ(a.tables[2].signature, "DSDT");
    EXPECT_TRUE(a.has_fadt && a.has_madt && a.has_dsdt);
    EXPECT_TRUE(a.hw_reduced());
    EXPECT_TRUE(a.physical_destination());
    EXPECT_EQ(a.sci_interrupt, 9U);
    EXPECT_FALSE(a.legacy_blocks);
    EXPECT_EQ(a.iapc_boot_arch, 0x24);
    EXPECT_EQ(a.sleep_control, (GenericAddress{1, 8, 0, 0, 0x5E00}));
    EXPECT_EQ(a.sleep_status.address, 0x5E01U);
    ASSERT_EQ(a.cpus.size(), 2U);
    EXPECT_EQ(a.cpus[0].apic_id, 2U);
    EXPECT_EQ(a.cpus[1].apic_id, 3U);
    EXPECT_TRUE(a.cpus[1].x2apic && a.cpus[1].enabled);
    EXPECT_EQ(a.cpus[1].uid, 1U);
    EXPECT_EQ(a.ioapics, 0U);
    EXPECT_FALSE(a.pcat_compat);
    EXPECT_TRUE(a.aml_complete);
    EXPECT_EQ(a.s5_type, 5U);
    ASSERT_EQ(a.devices.size(), 1U);
    EXPECT_EQ(a.devices[0].path, "\\_SB_.COM1");
    EXPECT_EQ(a.devices[0].hid, "PNP0501");
    ASSERT_EQ(a.devices[0].ports.size(), 1U);
    EXPECT_EQ(a.devices[0].ports[0].first, 0x3F8U);
    EXPECT_EQ(a.devices[0].ports[0].last, 0x3FFU);
    EXPECT_TRUE(a.devices[0].interrupts.empty());
}

TEST(Acpi, ChecksumsAreChecked) {
    for (const std::uint64_t table : {kXsdt, kFadt, kMadt, kDsdt}) {
        Firmware f = good();
        f.bytes[table + 9] ^= 1;
        EXPECT_EQ(f.decode().defects.count(DefectKind::checksum), 1U) << table;
    }
    Firmware f = good();
    f.bytes[32] ^= 1; // the rsdp's extended checksum
    EXPECT_TRUE(f.decode().defects.has(DefectKind::checksum));
    f = good();
    f.bytes[8] ^= 1;
    EXPECT_FALSE(decode_acpi(f.memory(), 0, "acpi").ok());
    EXPECT_FALSE(decode_acpi(f.memory(), 0xE0010, "acpi").ok());
    EXPECT_FALSE(decode_acpi(f.memory(), ~0ULL, "acpi").ok());
}

TEST(Acpi, IoapicAndLegacyHardwareAreSeen) {
    Firmware f = good();
    f.bytes[kMadt + 44] = 1;
    put(f.bytes, kMadt + 40, 1, 4);
    f.table(kMadt);
    put(f.bytes, kFadt + 76, 0x608, 4); // PM_TMR_BLK
    f.table(kFadt);
    const Acpi a = f.decode();
    EXPECT_EQ(a.ioapics, 1U);
    EXPECT_TRUE(a.pcat_compat);
    EXPECT_TRUE(a.legacy_blocks);
}

TEST(Acpi, UnknownAmlIsNotTrusted) {
    const Bytes store = {0x70, 0x01, 0x60};
    for (const Bytes& aml : {good_aml() + store, Bytes{0x14} + package(segment("EVIL") + Bytes{0x00} + store),
                             Bytes{0x5B, 0x80} + segment("REGN") + Bytes{0x01, 0x0A, 0x70, 0x0A, 0x02},
                             Bytes{0x10, 0x3F, 'A'}, Bytes{0x08} + segment("lowr") + Bytes{0x00}, Bytes{0x08},
                             Bytes{0x5B}, Bytes{0x08} + segment("LONG") + Bytes{0x0D, 'a'}}) {
        Firmware f = good();
        f.aml(aml);
        const Acpi a = f.decode();
        EXPECT_FALSE(a.aml_complete);
        EXPECT_FALSE(a.defects.empty());
    }
}

TEST(Acpi, DeviceBehindUnknownCodeIsStillListed) {
    Firmware f = good();
    f.aml(Bytes{0x14} + package(segment("EVIL") + Bytes{0x00, 0x70, 0x01, 0x60}) + good_aml());
    const Acpi a = f.decode();
    EXPECT_FALSE(a.aml_complete);
    EXPECT_EQ(a.devices.size(), 1U);
}

TEST(Acpi, InterruptsAndMemoryOfADevice) {
    const Bytes list = Bytes{0x22, 0x10, 0x00} + Bytes{0x86, 9, 0, 1, 0, 0, 0xD0, 0xFE, 0, 4, 0, 0} +
                       Bytes{0x4B, 0x70, 0x00, 2} + Bytes{0x89, 6, 0, 1, 1, 20, 0, 0, 0} +
                       Bytes{0x88, 13, 0, 1, 0, 0, 0, 0, 0x00, 0x10, 0xFF, 0x1F, 0, 0, 0x00, 0x10} + Bytes{0x79, 0};
    Firmware f = good();
    f.aml(Bytes{0x5B, 0x82} +
          package(segment("DEV0") + Bytes{0x08} + segment("_HID") + Bytes{0x0D, 'A', 'C', 'M', 'E', 0} + Bytes{0x08} +
                  segment("_CRS") + Bytes{0x11} + package(Bytes{0x0A, static_cast<std::uint8_t>(list.size())} + list)));
    const Acpi a = f.decode();
    EXPECT_TRUE(a.aml_complete) << (a.defects.kept().empty() ? "" : a.defects.kept()[0].what);
    ASSERT_EQ(a.devices.size(), 1U);
    EXPECT_EQ(a.devices[0].hid, "ACME");
    EXPECT_EQ(a.devices[0].interrupts, (std::vector<std::uint32_t>{4, 20}));
    ASSERT_EQ(a.devices[0].memory.size(), 1U);
    EXPECT_EQ(a.devices[0].memory[0].last, 0xFED0'03FFU);
    ASSERT_EQ(a.devices[0].ports.size(), 2U);
    EXPECT_EQ(a.devices[0].ports[1].first, 0x1000U);
    EXPECT_EQ(a.devices[0].ports[1].last, 0x1FFFU);
}

TEST(Acpi, TableLengthsAreBounded) {
    Firmware f = good();
    put(f.bytes, kDsdt + 4, 0xFFFF'FFFF, 4);
    EXPECT_FALSE(f.decode().has_dsdt);
    f = good();
    put(f.bytes, kMadt + 45, 0, 1); // an entry of no length
    EXPECT_TRUE(f.decode().defects.has(DefectKind::cut_short));
}

} // namespace
} // namespace septum::verifier::decode
