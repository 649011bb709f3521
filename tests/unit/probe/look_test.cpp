// SPDX-License-Identifier: Apache-2.0
// Machines that are hardly there: what cannot be seen is said, and nothing throws.
#include "probe/pci.hpp"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

namespace septum::probe {
namespace {

namespace fs = std::filesystem;

class Look : public testing::Test {
protected:
    void SetUp() override {
        root_ = fs::path(testing::TempDir()) / "septum-probe-look";
        fs::remove_all(root_);
        fs::create_directories(root_);
    }
    void TearDown() override { fs::remove_all(root_); }
    void write(const fs::path& path, const std::string& text) const {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path, std::ios::binary) << text;
    }
    bool misses(const std::string& words) const {
        const Machine machine = look(root_);
        for (const Missing& missing : machine.missing)
            if (missing.what.find(words) != std::string::npos && !missing.help.empty())
                return true;
        return false;
    }
    fs::path root_;
};

TEST_F(Look, NothingAtAll) {
    EXPECT_TRUE(misses("the CPUs"));
    EXPECT_TRUE(misses("usable memory"));
    EXPECT_TRUE(misses("ACPI tables"));
    EXPECT_TRUE(misses("PCI"));
    const std::string text = board_file(look(root_), "empty");
    EXPECT_NE(text.find("cpus: []"), std::string::npos);
    EXPECT_NE(text.find("memory: []"), std::string::npos);
    EXPECT_NE(text.find("pci: {}"), std::string::npos);
}

TEST_F(Look, CpusAndTheirSiblings) {
    std::string text;
    for (int i = 0; i < 4; i++)
        text += "processor\t: " + std::to_string(i) +
                "\nvendor_id\t: AuthenticAMD\nphysical id\t: 0\ncore id\t\t: " + std::to_string(i / 2) +
                "\napicid\t\t: " + std::to_string(i) +
                "\nmicrocode\t: 0x8701021\nflags\t\t: svm x2apic pdpe1gb\naddress sizes\t: 43 bits physical, 48 bits "
                "virtual\n\n";
    write("proc/cpuinfo", text);
    const Machine machine = look(root_);
    ASSERT_EQ(machine.cpus.size(), 4U);
    EXPECT_EQ(machine.cpus[1].core, machine.cpus[0].core);
    EXPECT_NE(machine.cpus[2].core, machine.cpus[0].core);
    EXPECT_EQ(machine.physical_bits, 43U);
    EXPECT_EQ(machine.microcode, 0x8701021U);
    EXPECT_TRUE(machine.amd && machine.x2apic && machine.pages_1g);
}

TEST_F(Look, PackagesAreNumberedInTheirOrder) {
    const auto cpuinfo = [](int package) {
        return fmt::format(
            "processor\t: 0\nvendor_id\t: AuthenticAMD\nphysical id\t: 3\ncore id\t\t: 0\napicid\t\t: 0\n\n"
            "processor\t: 1\nvendor_id\t: AuthenticAMD\nphysical id\t: {}\ncore id\t\t: 0\napicid\t\t: 8\n",
            package);
    };
    write("proc/cpuinfo", cpuinfo(3)); // one package, and one core
    Machine machine = look(root_);
    EXPECT_EQ(machine.cpus[0].package, machine.cpus[1].package);
    EXPECT_EQ(machine.cpus[0].core, machine.cpus[1].core);
    EXPECT_EQ(board_file(machine, "x").find("package"), std::string::npos);
    write("proc/cpuinfo", cpuinfo(1));
    machine = look(root_);
    EXPECT_EQ(machine.cpus[0].package, 0U);
    EXPECT_EQ(machine.cpus[1].package, 1U);
    EXPECT_NE(machine.cpus[0].core, machine.cpus[1].core);
    EXPECT_NE(board_file(machine, "x").find("- {apic: 8, core: 1, package: 1}"), std::string::npos);
}

TEST_F(Look, MemoryWithoutRootIsFromTheFirmwaresMap) {
    write("proc/iomem", "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n");
    write("sys/firmware/memmap/0/start", "0x100000\n");
    write("sys/firmware/memmap/0/end", "0x3fffffff\n");
    write("sys/firmware/memmap/0/type", "System RAM\n");
    write("sys/firmware/memmap/1/start", "0x40000000\n");
    write("sys/firmware/memmap/1/end", "0x4fffffff\n");
    write("sys/firmware/memmap/1/type", "Reserved\n");
    const Machine machine = look(root_);
    ASSERT_EQ(machine.memory.size(), 1U);
    EXPECT_EQ(machine.memory[0].end, 0x4000'0000U);
    EXPECT_EQ(machine.memory_from, "/sys/firmware/memmap");
}

TEST_F(Look, IntelIsSaid) {
    write("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\napicid\t\t: 0\n");
    EXPECT_TRUE(misses("a processor that septum's kernel can use"));
    write("proc/cpuinfo", "processor\t: 0\nvendor_id\t: AuthenticAMD\napicid\t\t: 0\n");
    EXPECT_FALSE(misses("a processor that septum's kernel can use"));
}

// A board file takes it at a multiple of 256 MiB only: what is written must be read again.
TEST_F(Look, ConfigurationSpaceAtAnOddPlaceIsLeftOut) {
    const auto mcfg = [](char second, char third) {
        std::string table = "MCFG" + std::string(56, '\0');
        table[4] = 60;          // its length
        table[44 + 2] = second; // the base, little-endian
        table[44 + 3] = third;
        table[44 + 11] = '\xFF'; // buses 0 to 255
        return table;
    };
    write("sys/firmware/acpi/tables/MCFG", mcfg('\xC0', '\xEE'));
    EXPECT_TRUE(misses("0xeec00000, which is no multiple of 256 MiB"));
    EXPECT_EQ(board_file(look(root_), "x").find("ecam: 0x"), std::string::npos);
    write("sys/firmware/acpi/tables/MCFG", mcfg('\0', '\xB0'));
    EXPECT_FALSE(misses("no multiple of 256 MiB"));
    EXPECT_NE(board_file(look(root_), "x").find("ecam: 0xb000_0000"), std::string::npos);
}

TEST_F(Look, NonsenseIsNotBelieved) {
    write("proc/cpuinfo", "apicid : x\n:::\nprocessor\nflags");
    write("proc/iomem", "zz-yy : System RAM\n5-1 : System RAM\n");
    write("sys/bus/pci/devices/0000:00:1f.9/config", "x");
    write("sys/bus/pci/devices/0001:00:1f.0/config", std::string(256, '\xFF'));
    write("sys/bus/pci/devices/0000:00:02.0/config", std::string(256, '\xFF')); // a list that goes round
    write("sys/bus/pci/devices/0000:00:02.0/resource", "0x1 0x0 0x200\nx\n\n0xfffff000 0xffffffff 0x200\n");
    const Machine machine = look(root_);
    EXPECT_TRUE(machine.cpus.empty());
    EXPECT_TRUE(machine.memory.empty());
    ASSERT_EQ(machine.functions.size(), 1U);
    EXPECT_LE(capabilities(machine.functions[0]).size(), 48U);
    EXPECT_TRUE(misses("another segment"));
    EXPECT_FALSE(board_file(machine, "x").empty());
}

TEST(Pci, Addresses) {
    EXPECT_EQ(parse_bdf("0000:00:1f.3"), 0x00FB);
    for (const char* text : {"", "0000:00:20.0", "0000:00:1f.8", "0001:00:00.0", "0000:g0:00.0", "0000:00:00.00"})
        EXPECT_FALSE(parse_bdf(text)) << text;
    EXPECT_EQ(bdf_text(0x00FB), "00:1f.3");
}

} // namespace
} // namespace septum::probe
