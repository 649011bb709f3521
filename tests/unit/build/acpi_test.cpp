// SPDX-License-Identifier: Apache-2.0
#include "build/tables/acpi.hpp"
#include "tests/unit/build/models.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

#include <unistd.h>

namespace septum::build {
namespace {

using namespace test;

constexpr std::uint64_t kBase = 0xE'0000;

std::string text_at(const Bytes& bytes, std::size_t offset, std::size_t size) {
    return {bytes.begin() + static_cast<std::ptrdiff_t>(offset),
            bytes.begin() + static_cast<std::ptrdiff_t>(offset + size)};
}

unsigned sum_of(const Bytes& bytes, std::size_t offset, std::size_t size) {
    return std::accumulate(bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                           bytes.begin() + static_cast<std::ptrdiff_t>(offset + size), 0U) &
           0xFFU;
}

TEST(Acpi, EveryTableIsReachedAndAddsUpToZero) {
    const Bytes all = acpi_tables({{0, 1, 300}, true}, Gpa{kBase});
    EXPECT_EQ(text_at(all, 0, 8), "RSD PTR ");
    EXPECT_EQ(sum_of(all, 0, 20), 0U);
    EXPECT_EQ(sum_of(all, 0, 36), 0U);
    const std::size_t xsdt = get<std::uint64_t>(all, 24) - kBase;
    EXPECT_EQ(text_at(all, xsdt, 4), "XSDT");
    EXPECT_EQ(sum_of(all, xsdt, get<std::uint32_t>(all, xsdt + 4)), 0U);
    const std::size_t fadt = get<std::uint64_t>(all, xsdt + 36) - kBase;
    const std::size_t madt = get<std::uint64_t>(all, xsdt + 44) - kBase;
    EXPECT_EQ(text_at(all, fadt, 4), "FACP");
    EXPECT_EQ(get<std::uint32_t>(all, fadt + 4), 276U);
    EXPECT_EQ(sum_of(all, fadt, 276), 0U);
    EXPECT_NE(get<std::uint32_t>(all, fadt + 112) & (1U << 20), 0U); // HW_REDUCED_ACPI
    EXPECT_EQ(get<std::uint64_t>(all, fadt + 244 + 4), 0x5E00U);     // SLEEP_CONTROL_REG
    const std::size_t dsdt = get<std::uint64_t>(all, fadt + 140) - kBase;
    EXPECT_EQ(text_at(all, dsdt, 4), "DSDT");
    EXPECT_EQ(sum_of(all, dsdt, get<std::uint32_t>(all, dsdt + 4)), 0U);
    EXPECT_EQ(text_at(all, madt, 4), "APIC");
    const auto size = get<std::uint32_t>(all, madt + 4);
    EXPECT_EQ(size, 44U + 8 + 8 + 16);
    EXPECT_EQ(sum_of(all, madt, size), 0U);
    EXPECT_EQ(get<std::uint32_t>(all, madt + 40), 0U); // no PIC
    EXPECT_EQ(all[madt + 44 + 8 + 3], 1U);             // second CPU's local APIC id
    EXPECT_EQ(all[madt + 60], 9U);                     // third: x2APIC
    EXPECT_EQ(get<std::uint32_t>(all, madt + 64), 300U);
}

// The assembler's opinion of our hand-made AML.
TEST(Acpi, DsdtDisassembles) {
    if (std::system("command -v iasl >/dev/null 2>&1") != 0) {
        GTEST_SKIP() << "iasl is not installed";
    }
    const auto folder = std::filesystem::temp_directory_path() / ("septum-acpi-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    const Bytes dsdt = acpi_dsdt(true, false);
    std::ofstream(folder / "dsdt.aml", std::ios::binary)
        .write(reinterpret_cast<const char*>(dsdt.data()), static_cast<std::streamsize>(dsdt.size()));
    const std::string command =
        "cd '" + folder.string() + "' && iasl -d dsdt.aml >/dev/null 2>&1 && iasl -tc dsdt.dsl >log 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ostringstream source;
    source << std::ifstream(folder / "dsdt.dsl").rdbuf();
    const std::string dsl = source.str();
    std::filesystem::remove_all(folder);
    EXPECT_NE(dsl.find("EisaId (\"PNP0501\")"), std::string::npos) << dsl;
    EXPECT_NE(dsl.find("Name (_S5"), std::string::npos) << dsl;
    EXPECT_NE(dsl.find("0x03F8"), std::string::npos) << dsl;
    EXPECT_EQ(dsl.find("IRQ"), std::string::npos) << dsl;
}

TEST(Acpi, RootBridgeDisassembles) {
    if (std::system("command -v iasl >/dev/null 2>&1") != 0) {
        GTEST_SKIP() << "iasl is not installed";
    }
    const auto folder = std::filesystem::temp_directory_path() / ("septum-acpi-pci-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    const Bytes dsdt = acpi_dsdt(true, true);
    std::ofstream(folder / "dsdt.aml", std::ios::binary)
        .write(reinterpret_cast<const char*>(dsdt.data()), static_cast<std::streamsize>(dsdt.size()));
    const std::string command =
        "cd '" + folder.string() + "' && iasl -d dsdt.aml >/dev/null 2>&1 && iasl -tc dsdt.dsl >log 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ostringstream source;
    source << std::ifstream(folder / "dsdt.dsl").rdbuf();
    const std::string dsl = source.str();
    std::filesystem::remove_all(folder);
    for (const char* part : {"EisaId (\"PNP0A03\")", "WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode",
                             "DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite",
                             "0xE0000000", "0xFEBFFFFF", "0x1EC00000", "0x0CF8", "EisaId (\"PNP0501\")"}) {
        EXPECT_NE(dsl.find(part), std::string::npos) << part << "\n" << dsl;
    }
    EXPECT_EQ(dsl.find("_PRT"), std::string::npos);
}

// MSI is denied to a partition without a bus, active-state power management to one with it (ACPI 6.4 table 5-11).
TEST(Acpi, BootFlagsFollowTheBus) {
    const auto flags = [](bool pci) {
        AcpiMachine machine;
        machine.apic_ids = {0};
        machine.pci = pci;
        return get<std::uint16_t>(acpi_tables(machine, Gpa{0xE'0000}), 0x80 + 109);
    };
    EXPECT_EQ(flags(false), 0x2CU);
    EXPECT_EQ(flags(true), 0x34U);
}

// Interrupts go to physical destinations (ACPI 6.4 table 5-10); of ACPI's own there is one in name.
TEST(Acpi, FlagsOfTheFadt) {
    AcpiMachine machine;
    machine.apic_ids = {0};
    const Bytes all = acpi_tables(machine, Gpa{kBase});
    EXPECT_EQ(get<std::uint16_t>(all, 0x80 + 46), 9U);
    EXPECT_EQ(get<std::uint32_t>(all, 0x80 + 112), 0x18'1431U);
}

TEST(Acpi, NoConsoleNoDevice) {
    EXPECT_LT(acpi_dsdt(false, false).size(), acpi_dsdt(true, false).size());
}

} // namespace
} // namespace septum::build
