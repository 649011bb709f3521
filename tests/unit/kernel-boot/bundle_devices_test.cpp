// SPDX-License-Identifier: Apache-2.0
// A manifest with one partition that owns a disk and a card, and then every way in which its tables might not hold.
#include "kernel/boot/bundle_devices.hpp"

#include "kernel/boot/bytes.hpp"
#include "tests/unit/kernel-boot/said.hpp"

#include <septum/manifest/layout.hpp>

#include <gtest/gtest.h>

#include <functional>

namespace septum::kernel::boot {
namespace {

using manifest::PciAnswer;

// Plain records behind a header, as in a bundle.
struct alignas(kPageSize) Page {
    manifest::Header header;
    manifest::Partition partition;
    manifest::Device devices[3]; // host bridge, disk, card
    manifest::Bar bars[2];
    manifest::PciRegister registers[5];
    u32 padding;
    manifest::Bridge bridges[2];
    manifest::Region regions[3];
    manifest::Fact facts[1];
    manifest::Range ram[1];
};

constexpr u64 kWorkspace = 0x300'0000;

struct BundleDevices : testing::Test {
    std::unique_ptr<Page> page = std::make_unique<Page>();

    manifest::Table table(const void* first, u32 count) const {
        const auto offset = static_cast<u32>(static_cast<const u8*>(first) - reinterpret_cast<const u8*>(page.get()));
        return {offset, count};
    }

    BundleDevices() {
        Page& p = *page;
        auto& h = p.header;
        h.manifest_size = sizeof(Page);
        h.kernel = {Hpa{0x20'0000}, 0x2'0000};
        h.workspace = {Hpa{kWorkspace}, 0x10'0000};
        h.bundle_base = Hpa{0x400'0000};
        h.bundle_size = 0x10'0000;
        h.trampoline = Hpa{0x8000};
        h.ecam = Hpa{0xB000'0000};
        h.iommu.kind = manifest::IommuKind::vt_d;
        h.iommu.registers = Hpa{0xFED9'0000};
        h.partitions = table(&p.partition, 1);
        h.devices = table(p.devices, 3);
        h.bars = table(p.bars, 2);
        h.pci_registers = table(p.registers, 5);
        h.bridges = table(p.bridges, 2);
        h.regions = table(p.regions, 3);
        h.facts = table(p.facts, 1);
        h.ram = table(p.ram, 1);
        p.partition.devices = {0, 3};
        p.partition.regions = {0, 3};
        p.ram[0] = {Hpa{0x800'0000}, 0x100'0000};
        auto& bridge = p.devices[0];
        bridge.bdf = manifest::kNobody;
        bridge.bridge = manifest::kNobody;
        bridge.msix_bar = ~0u;
        bridge.registers = {0, 1};
        auto& disk = p.devices[1];
        disk.bdf = 0x0100;
        disk.virtual_bdf = 0x08;
        disk.domain = 1;
        disk.reset = manifest::ResetKind::flr;
        disk.reset_at = 0x80;
        disk.bridge = manifest::kNobody;
        disk.msix_at = 0x40;
        disk.handles = 65;
        disk.msix_bar = 0;
        disk.msix_offset = 0x2000;
        disk.msix_entries = 65;
        disk.block = Hpa{kWorkspace};
        disk.registers = {1, 3};
        disk.bars = {0, 1};
        auto& card = p.devices[2];
        card.bdf = 0x0208;
        card.virtual_bdf = 0x10;
        card.domain = 1;
        card.reset = manifest::ResetKind::bus;
        card.bridge = 0x0018;
        card.msi_at = 0x50;
        card.handles = 1;
        card.msix_bar = ~0u;
        card.block = Hpa{kWorkspace + layout::DeviceBlock::kSize};
        card.registers = {4, 1};
        card.bars = {1, 1};
        p.bars[0] = {1, 0, manifest::kBar64, 0, Gpa{0xE000'0000}, {Hpa{0xFE80'0000}, 0x4000}};
        p.bars[1] = {2, 0, 0, 0, Gpa{0xE010'0000}, {Hpa{0xFEA0'0000}, 0x10'0000}};
        p.registers[0] = {0x00, PciAnswer::constant, 0, 0, 0, 0x0008'1B36, 0, 0};
        p.registers[1] = {0x00, PciAnswer::hardware, 0, 0, ~0u, 0, 0, 0};
        p.registers[2] = {0x10, PciAnswer::bar_low, 0, 0, 0, 0, 0, 0};
        p.registers[3] = {0x14, PciAnswer::bar_high, 0, 0, 0, 0, 0, 0};
        p.registers[4] = {0x10, PciAnswer::bar_low, 0, 0, 0, 0, 0, 0};
        p.bridges[0] = {0x0010, 0, 1, 1, 1, 0x148, {Hpa{0xFE80'0000}, 2 * kMiB}, {}};
        p.bridges[1] = {0x0018, 0, 2, 2, 0, 0, {Hpa{0xFEA0'0000}, kMiB}, {}};
        p.regions[0] = {
            Gpa{0}, Hpa{0x800'0000}, 0x100'0000, manifest::RegionKind::ram, 7, manifest::MemoryType::write_back, 0,
            ~0u};
        p.regions[1] = {Gpa{0xE000'0000},
                        Hpa{0xFE80'0000},
                        0x2000,
                        manifest::RegionKind::device,
                        3,
                        manifest::MemoryType::uncacheable,
                        0,
                        0};
        p.regions[2] = {Gpa{0xE010'0000},
                        Hpa{0xFEA0'0000},
                        0x10'0000,
                        manifest::RegionKind::device,
                        3,
                        manifest::MemoryType::uncacheable,
                        0,
                        1};
        p.facts[0] = {manifest::FactKind::pci_bits, 0, 0x0100, 8, 0, ~0u, 0x0108'0200, "class"};
    }

    std::string check() const {
        const Refusal refusal = check_devices(page->header);
        return refusal ? said(refusal) : "holds";
    }
    // What is said when one thing is changed; it is put back afterwards.
    std::string after(const std::function<void(Page&)>& change) {
        const Page kept = *page;
        change(*page);
        const std::string found = check();
        *page = kept;
        return found;
    }
};

TEST_F(BundleDevices, Holds) {
    EXPECT_EQ(check(), "holds");
    EXPECT_EQ(after([](Page& p) {
                  p.header.devices.count = p.header.bars.count = p.header.pci_registers.count = p.header.bridges.count =
                      0;
                  p.partition.devices = {};
                  p.partition.regions.count = 1;
              }),
              "holds");
}

TEST_F(BundleDevices, EveryDefectIsNamed) {
    const struct {
        std::function<void(Page&)> change;
        const char* expected; // what the line begins with, behind "septum: refused: manifest "
    } defects[] = {
        {[](Page& p) { p.header.devices.count = 257; }, "devices: expected a count in"},
        {[](Page& p) { p.header.bars.offset = 12; }, "bars: expected records in"},
        {[](Page& p) { p.header.pci_registers.offset = p.header.manifest_size; }, "pci registers: expected records in"},
        {[](Page& p) { p.header.bridges.count = 65; }, "bridges: expected a count in"},
        {[](Page& p) { p.partition.devices = {1, 3}; }, "partition devices: expected a slice of"},
        {[](Page& p) { p.partition.devices = {}; }, "devices: expected 0, found 3"},
        {[](Page& p) { p.header.iommu.kind = manifest::IommuKind::none; }, "device: expected an iommu, found none"},
        {[](Page& p) { p.devices[1].partition = 1; }, "device of a partition: expected 0, found 1"},
        {[](Page& p) { p.devices[0].bdf = 0; }, "device: expected a virtual host bridge first"},
        {[](Page& p) { p.devices[0].virtual_bdf = 1; }, "device: expected a virtual host bridge first"},
        {[](Page& p) { p.devices[2].bdf = manifest::kNobody; }, "device: expected a virtual host bridge first"},
        {[](Page& p) { p.devices[2].virtual_bdf = 0x08; }, "device as seen: expected in order, found 00:01.0"},
        {[](Page& p) { p.devices[2].virtual_bdf = 0x100; }, "device as seen: expected on bus 0, found 01:00.0"},
        {[](Page& p) { p.devices[2].block = Hpa{kWorkspace + 0x2000}; },
         "device block: expected 0x3001000, found 0x3002000"},
        {[](Page& p) { p.devices[1].block = Hpa{0x500'0000}; }, "device block: expected a block in"},
        {[](Page& p) { p.devices[2].bdf = 0x0100; }, "device: expected a function of its own, found 01:00.0"},
        {[](Page& p) { p.devices[0].bars.count = 1; }, "virtual function: expected registers only"},
        {[](Page& p) { p.registers[0].answer = PciAnswer::hardware; },
         "pci register of a virtual function: expected a constant"},
        {[](Page& p) { p.devices[1].registers.count = 65; }, "device registers: expected a count in"},
        {[](Page& p) { p.devices[1].bars = {0, 7}; }, "device bars: expected a count in"},
        {[](Page& p) { p.registers[2].offset = 0x11; }, "pci register: expected doublewords in"},
        {[](Page& p) { p.registers[3].offset = 0x10; }, "pci register: expected doublewords in"},
        {[](Page& p) { p.registers[3].answer = static_cast<PciAnswer>(9); },
         "pci register answer: expected 0x0..0x9, found 9"},
        {[](Page& p) { p.registers[2].bar = 1; }, "pci register of a bar: expected"},
        {[](Page& p) { p.bars[0].device = 2; }, "bar of a device: expected 1, found 2"},
        {[](Page& p) { p.bars[0].number = 5; }, "bar number: expected"}, // its upper half would be the sixth
        {[](Page& p) { p.bars[1].number = 6; }, "bar number: expected"},
        {[](Page& p) { p.bars[0].memory.size = 0x3000; }, "bar: expected a power of two"},
        {[](Page& p) { p.bars[0].memory.size = 0x800; }, "bar: expected a power of two"},
        {[](Page& p) { p.bars[0].memory.base = Hpa{0xFE80'1000}; }, "bar: expected a power of two"},
        {[](Page& p) { p.bars[1].memory.base = Hpa{0x1'0000'0000}; }, "bar of 32 bits: expected within"},
        {[](Page& p) { p.bars[0].gpa = Gpa{0xDFFF'C000}; }, "bar as seen: expected aligned, in"},
        {[](Page& p) { p.bars[0].gpa = Gpa{0xFEC0'0000}; }, "bar as seen: expected aligned, in"},
        {[](Page& p) { p.bars[0].memory.base = Hpa{0x20'0000}; }, "bar: expected a place that is not the kernel's"},
        {[](Page& p) { p.bars[0].memory.base = Hpa{kWorkspace}; }, "bar: expected a place that is not the kernel's"},
        {[](Page& p) { p.bars[0].memory.base = Hpa{0xFED9'0000}; }, "bar: expected a place that is not the kernel's"},
        {[](Page& p) { p.bars[0].memory.base = Hpa{0xFEE0'0000}; }, "bar: expected a place that is not the kernel's"},
        {[](Page& p) { p.bars[0].memory.base = Hpa{0x880'0000}; }, "bar: expected a place without memory"},
        {[](Page& p) { p.bars[0].memory.base = Hpa{0xFEAF'C000}; }, "bar: expected a place of its own"},
        {[](Page& p) { p.devices[2].msi_at = 0x30; }, "msi capability: expected"},
        {[](Page& p) { p.devices[2].msix_at = 0x60; }, "msi-x: expected none without entries"},
        {[](Page& p) { p.devices[1].msix_bar = 1; }, "msi-x table: expected within its bar"}, // the card's
        {[](Page& p) { p.devices[1].msix_entries = 2049; }, "msi-x table: expected within its bar"},
        {[](Page& p) { p.devices[1].msix_offset = 0x3C00; }, "msi-x table: expected within its bar"},
        {[](Page& p) { p.devices[1].msix_offset = 0x2004; }, "msi-x table: expected within its bar"},
        {[](Page& p) { p.devices[1].reset = static_cast<manifest::ResetKind>(5); },
         "device reset: expected 0x0..0x5, found 5"},
        {[](Page& p) { p.devices[1].reset_at = 0; }, "device reset capability: expected"},
        {[](Page& p) { p.devices[2].reset_at = 0x40; }, "device reset capability: expected none"},
        {[](Page& p) { p.devices[2].bridge = manifest::kNobody; },
         "device reset bridge: expected one for a bus reset only"},
        {[](Page& p) { p.regions[1].object = 2; }, "device region: expected a bar in"},
        {[](Page& p) { p.regions[1].object = 1; }, "device region: expected a part of the partition's own bar"},
        {[](Page& p) { p.regions[1].gpa = Gpa{0xE000'1000}; },
         "device region: expected a part of the partition's own bar"},
        {[](Page& p) { p.regions[2].size = 0x20'0000; }, "device region: expected a part of the partition's own bar"},
        {[](Page& p) { p.regions[1].access = 7; }, "device region: expected uncached, not executable"},
        {[](Page& p) { p.regions[1].type = manifest::MemoryType::write_back; },
         "device region: expected uncached, not executable"},
        {[](Page& p) { p.regions[1].size = 0x3000; }, "device region: expected no page of an msi-x table"},
        {[](Page& p) { p.bridges[1].bdf = 0x0010; }, "bridge: expected in order"},
        {[](Page& p) { p.bridges[0].secondary = 0; }, "bridge buses: expected its own"},
        {[](Page& p) { p.bridges[1].subordinate = 1; }, "bridge buses: expected its own"},
        {[](Page& p) { p.bridges[0].primary = 1; }, "bridge buses: expected its own"},
        {[](Page& p) { p.bridges[0].window.size = 0x1000; }, "bridge window: expected whole MiB in"},
        {[](Page& p) { p.bridges[0].window.base = Hpa{0xFFF0'0000}; }, "bridge window: expected whole MiB in"},
        {[](Page& p) { p.bridges[0].prefetchable = {Hpa{0x800}, kMiB}; },
         "bridge prefetchable window: expected whole MiB in"},
        {[](Page& p) { p.header.ecam = Hpa{0}; }, "bridge access control: expected configuration space in memory"},
        {[](Page& p) { p.bridges[0].acs_at = 0x80; }, "bridge access control: expected doublewords in"},
        {[](Page& p) { p.bridges[0].acs_at = 0xFFC; }, "bridge access control: expected doublewords in"},
        {[](Page& p) { p.facts[0].b = 0x100; }, "pci fact: expected a doubleword in"},
        {[](Page& p) { p.facts[0].b = 9; }, "pci fact: expected a doubleword in"},
        {[](Page& p) { p.header.ecam = Hpa{0xB000'1000}; }, "configuration space in memory: expected whole MiB in"},
    };
    for (const auto& defect : defects) {
        const std::string expected = std::string("septum: refused: manifest ") + defect.expected;
        EXPECT_EQ(after(defect.change).substr(0, expected.size()), expected);
    }
    EXPECT_EQ(check(), "holds");
}

} // namespace
} // namespace septum::kernel::boot
