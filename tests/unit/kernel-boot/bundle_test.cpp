// SPDX-License-Identifier: Apache-2.0
// A small bundle that holds, and then every way in which it might not.
#include "kernel/boot/bundle.hpp"

#include "kernel/lifecycle/sha256.hpp"
#include "tests/unit/kernel-boot/said.hpp"

#include <septum/manifest/layout.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>

namespace septum::kernel::boot {
namespace {

using manifest::Header;

constexpr manifest::Range kKernel{Hpa{0x20'0000}, 0x2'0000};
constexpr u64 kBase = 0x400'0000;
constexpr u64 kWorkspace = 0x300'0000;
constexpr u32 kTables = 16 * kPageSize;
constexpr u64 kSize = kPageSize + kTables + kPageSize;

struct alignas(kPageSize) Image {
    u8 bytes[kSize];
};

constexpr u64 kIommuBlock = kWorkspace + layout::CpuBlock::kSize + layout::PartitionBlock::kSize;
constexpr u32 kPartitionAt = sizeof(Header) + sizeof(manifest::Cpu);
constexpr u32 kRamAt = kPartitionAt + sizeof(manifest::Partition);
constexpr u32 kPayloadAt = (kRamAt + sizeof(manifest::Range) + 63) / 64 * 64; // behind them
constexpr u32 kSecondAt = kPayloadAt + 64;                                    // further tables of a test
constexpr u32 kThirdAt = kSecondAt + 64;

class BundleTest : public testing::Test {
protected:
    void SetUp() override {
        Header& h = header();
        h.magic = manifest::kMagic;
        h.version = manifest::kVersion;
        h.manifest_size = kPageSize;
        h.bundle_size = kSize;
        h.bundle_base = Hpa{kBase};
        h.tables_offset = kPageSize;
        h.tables_size = kTables;
        h.kernel = kKernel;
        h.workspace = {Hpa{kWorkspace},
                       layout::CpuBlock::kSize + layout::PartitionBlock::kSize + layout::IommuBlock::kSize};
        h.trampoline = Hpa{0x8000};
        h.kernel_page_tables = Hpa{kBase + kPageSize};
        h.apic = manifest::ApicMode::x2apic;
        h.cpus = {sizeof(manifest::Header), 1};
        h.partitions = {kPartitionAt, 1};
        h.ram = {kRamAt, 1};
        cpu() = {0, 0, 0, Hpa{kWorkspace}};
        auto& p = partition();
        p.cpu_count = 1;
        for (manifest::OnFault& answer : p.on) {
            answer = manifest::OnFault::stop;
        }
        p.npt_root = Hpa{kBase + 2 * kPageSize};
        p.iopm = Hpa{kBase + 3 * kPageSize};
        p.msrpm = Hpa{kBase + 6 * kPageSize};
        p.vmcb_boot = Hpa{kBase + 8 * kPageSize};
        p.vmcb_ap = Hpa{kBase + 9 * kPageSize};
        p.block = Hpa{kWorkspace + layout::CpuBlock::kSize};
        ram() = {Hpa{kBase}, kSize};
        h.iommu = {.kind = manifest::IommuKind::vt_d,
                   .levels = 3,
                   .bdf = manifest::kNobody,
                   .fault_apic_id = 0,
                   .registers = Hpa{0xFED9'0000},
                   .version = 0x10,
                   .capability = 0,
                   .capability_mask = 0,
                   .extended = 0,
                   .extended_mask = 0,
                   .root_table = Hpa{kBase + 10 * kPageSize},
                   .interrupt_table = Hpa{kBase + 11 * kPageSize},
                   .interrupt_table_entries = 256,
                   .queue = Hpa{kIommuBlock},
                   .log = Hpa{kIommuBlock + layout::IommuBlock::kLog}};
        Sha256 hash;
        hash.update(image_->bytes + kPageSize, kTables);
        h.tables_digest = hash.finish();
        seal();
    }

    Header& header() { return *reinterpret_cast<Header*>(image_->bytes); }
    manifest::Cpu& cpu() { return *reinterpret_cast<manifest::Cpu*>(image_->bytes + sizeof(Header)); }
    manifest::Partition& partition() { return *reinterpret_cast<manifest::Partition*>(image_->bytes + kPartitionAt); }
    manifest::Range& ram() { return *reinterpret_cast<manifest::Range*>(image_->bytes + kRamAt); }

    void seal() {
        header().manifest_digest = {};
        Sha256 hash;
        hash.update(image_->bytes, kPageSize);
        header().manifest_digest = hash.finish();
    }

    std::string check(u64 size = kSize) {
        const Refusal refusal = check_bundle({image_->bytes, size}, kKernel);
        return refusal ? said(refusal) : "holds";
    }
    // Changes something, seals it again as a wrong builder would, and asks.
    std::string after(const std::function<void()>& change) {
        change();
        seal();
        return check();
    }

    std::unique_ptr<Image> image_ = std::make_unique<Image>();
};

TEST_F(BundleTest, Holds) {
    EXPECT_EQ(check(), "holds");
    EXPECT_FALSE(check_tables({image_->bytes, kSize}));
}

TEST_F(BundleTest, AnyBitOfTheManifest) {
    for (u64 bit = 0; bit < 640 * 8; bit++) {
        image_->bytes[bit / 8] ^= static_cast<u8>(1u << bit % 8);
        ASSERT_NE(check(), "holds") << "bit " << bit;
        image_->bytes[bit / 8] ^= static_cast<u8>(1u << bit % 8);
    }
    EXPECT_EQ(check(), "holds");
}

TEST_F(BundleTest, AnyByteOfTheTables) {
    for (u64 at = kPageSize; at < kPageSize + kTables; at += 509) {
        image_->bytes[at] ^= 0x10;
        ASSERT_TRUE(check_tables({image_->bytes, kSize})) << at;
        image_->bytes[at] ^= 0x10;
    }
}

TEST_F(BundleTest, CutShort) {
    EXPECT_EQ(check(100).substr(0, 46), "septum: refused: manifest size: expected 0x228");
    EXPECT_EQ(check(kPageSize - 1).substr(0, 30), "septum: refused: manifest size");
    EXPECT_EQ(check(kSize - 1), "septum: refused: manifest bundle size: expected 73728, found 73727 (code 0x20)");
}

TEST_F(BundleTest, Identity) {
    header().version = manifest::kVersion + 1;
    EXPECT_EQ(check(), "septum: refused: manifest version: expected 2, found 3 (code 0x20)");
    header().version = manifest::kVersion;
    header().magic++;
    EXPECT_EQ(check(),
              "septum: refused: manifest magic: expected 0x314d55545045537f, found 0x314d555450455380 (code 0x20)");
    header().magic--;
    header().name[0] = 'x';
    EXPECT_EQ(check().substr(0, 42), "septum: refused: manifest: expected sha256");
}

TEST_F(BundleTest, RecordsOutside) {
    EXPECT_NE(after([&] { header().facts = {kPageSize - 8, 1}; }), "holds");
    EXPECT_NE(after([&] { header().facts = {sizeof(Header) + 5, 1}; }), "holds");
    EXPECT_NE(after([&] { header().facts = {0, 1}; }), "holds");
    EXPECT_NE(after([&] { header().facts = {sizeof(Header), 0xFFFF'FFFF}; }), "holds");
    EXPECT_EQ(after([&] { header().facts = {0, 0}; }), "holds");
    EXPECT_NE(after([&] { header().cpus.count = 0; }), "holds");
    EXPECT_NE(after([&] { header().cpus.count = 65; }), "holds");
}

TEST_F(BundleTest, PlacesOfTheirOwn) {
    EXPECT_EQ(after([&] { header().workspace.base = Hpa{kBase}; }),
              "septum: refused: manifest bundle: expected a place of its own, found workspace (code 0x20)");
}

TEST_F(BundleTest, AnotherKernel) {
    EXPECT_EQ(after([&] { header().kernel.size += kPageSize; }),
              "septum: refused: manifest kernel: expected 0x200000..0x221000, found 0x200000..0x220000 (code 0x20)");
}

TEST_F(BundleTest, Trampoline) {
    EXPECT_NE(after([&] { header().trampoline = Hpa{kMiB}; }), "holds");
    EXPECT_NE(after([&] { header().trampoline = Hpa{0x8010}; }), "holds");
    EXPECT_NE(after([&] { header().trampoline = Hpa{0}; }), "holds");
}

TEST_F(BundleTest, TablesOutside) {
    EXPECT_NE(after([&] { partition().iopm = Hpa{kBase + 15 * kPageSize}; }), "holds");
    EXPECT_EQ(after([&] { partition().iopm = Hpa{kBase + 14 * kPageSize}; }), "holds");
    EXPECT_NE(after([&] { header().kernel_page_tables = Hpa{kBase}; }), "holds");
    EXPECT_NE(after([&] { header().kernel_page_tables = Hpa{~u64{0xFFF}}; }), "holds");
}

TEST_F(BundleTest, BlocksOutside) {
    EXPECT_NE(after([&] { cpu().block = Hpa{kWorkspace + layout::CpuBlock::kSize}; }), "holds");
    EXPECT_NE(after([&] { cpu().block = Hpa{kWorkspace - kPageSize}; }), "holds");
    EXPECT_NE(after([&] {
                  cpu().block = Hpa{kWorkspace};
                  cpu().partition = 1;
              }),
              "holds");
}

TEST_F(BundleTest, SlicesOutside) {
    EXPECT_NE(after([&] { partition().cpu_count = 2; }), "holds");
    EXPECT_NE(after([&] {
                  partition().cpu_count = 1;
                  partition().msrs = {1, 0};
              }),
              "holds");
    EXPECT_NE(after([&] { partition().msrs = {0, 0xFFFF'FFFF}; }), "holds");
}

TEST_F(BundleTest, PayloadsOutside) {
    header().payloads = {kPayloadAt, 1};
    auto& payload = *reinterpret_cast<manifest::Payload*>(image_->bytes + kPayloadAt);
    payload = {kPageSize + kTables, 100, {}, {}};
    EXPECT_EQ(after([] {}), "holds");
    EXPECT_NE(after([&] { payload.size = kPageSize + 1; }), "holds");
    EXPECT_NE(after([&] { payload = {kPageSize, 100, {}, {}}; }), "holds");
    EXPECT_NE(after([&] { payload = {kPageSize + kTables + 8, 100, {}, {}}; }), "holds");
    EXPECT_NE(after([&] { payload = {0xFFFF'F000, 0xFFFF'FFFF, {}, {}}; }), "holds");
}

TEST_F(BundleTest, NothingHidesInThePadding) {
    header().payloads = {kPayloadAt, 1};
    *reinterpret_cast<manifest::Payload*>(image_->bytes + kPayloadAt) = {kPageSize + kTables, 100, {}, {}};
    ASSERT_EQ(after([] {}), "holds");
    const Bytes bundle{image_->bytes, kSize};
    image_->bytes[kPageSize + kTables + 99] = 1;
    EXPECT_FALSE(check_padding(bundle));
    image_->bytes[kPageSize + kTables + 100] = 1;
    EXPECT_EQ(said(check_padding(bundle)),
              "septum: refused: padding at bundle offset 0x11064: expected 0x0, found 0x1 (code 0x21)");
    image_->bytes[kPageSize + kTables + 100] = 0;
    image_->bytes[kSize - 1] = 0x80;
    EXPECT_TRUE(check_padding(bundle));
}

TEST_F(BundleTest, CpusAreNumberedInTheirPartition) {
    EXPECT_NE(after([&] { cpu().vcpu = 1; }), "holds");
    cpu().vcpu = 0;
    EXPECT_NE(after([&] { cpu().partition = manifest::kNobody; }), "holds");
    cpu().partition = 0;
    EXPECT_NE(after([&] { partition().cpu_count = 0; }), "holds");
}

TEST_F(BundleTest, ReloadingTouchesOnlyThePartitionsOwnMemory) {
    auto& region = *reinterpret_cast<manifest::Region*>(image_->bytes + kSecondAt);
    auto& payload = *reinterpret_cast<manifest::Payload*>(image_->bytes + kThirdAt);
    constexpr u64 kRam = 0x800'0000;
    header().regions = {kSecondAt, 1};
    header().payloads = {kThirdAt, 1};
    partition().regions = {0, 1};
    partition().payloads = {0, 1};
    region = {Gpa{0}, Hpa{kRam}, 2 * kPageSize, manifest::RegionKind::ram, 7, manifest::MemoryType::write_back, 0, ~0u};
    payload = {static_cast<u32>(kPageSize + kTables), 100, Gpa{0}, Hpa{kRam + kPageSize}};
    EXPECT_EQ(after([] {}), "holds");
    for (const u64 wrong :
         {kRam - 1, kRam + 2 * kPageSize, kRam + 2 * kPageSize - 99, ~u64{0} - 50, kKernel.base.value}) {
        EXPECT_NE(after([&] { payload.hpa = Hpa{wrong}; }), "holds") << wrong;
    }
    payload.hpa = Hpa{kRam};
    for (const u64 wrong : {kKernel.base.value, kWorkspace, kBase, u64{0x8000}, kRam + 1}) {
        EXPECT_NE(after([&] { region.hpa = payload.hpa = Hpa{wrong}; }), "holds") << wrong;
    }
}

TEST_F(BundleTest, Hardware) {
    EXPECT_NE(after([&] { header().apic = static_cast<manifest::ApicMode>(0); }), "holds");
    header().apic = manifest::ApicMode::xapic;
    EXPECT_EQ(after([&] { header().iommu.kind = manifest::IommuKind::none; }), "holds");
    EXPECT_NE(after([&] { header().iommu.kind = manifest::IommuKind::amd_vi; }), "holds");
    header().iommu.kind = manifest::IommuKind::vt_d;
    EXPECT_NE(after([&] { header().iommu.interrupt_table_entries = 300; }), "holds");
    EXPECT_NE(after([&] { header().iommu.interrupt_table_entries = 65536; }), "holds");
}

TEST_F(BundleTest, WhatTheIommuWrites) {
    constexpr u64 kDeviceAt = 3 * kPageSize / 4;
    auto& h = header();
    auto* devices = reinterpret_cast<manifest::Device*>(reinterpret_cast<u8*>(&h) + kDeviceAt);
    auto& device = devices[1];
    h.devices = {kDeviceAt, 2};
    partition().devices = {0, 2};
    devices[0].bdf = devices[0].bridge = devices[1].bridge = manifest::kNobody; // the first: the virtual host bridge
    device.bdf = 0x10;
    device.virtual_bdf = 8;
    device.msix_bar = ~0u;
    device.handles = 2;
    device.first_handle = 254;
    h.workspace.size += layout::DeviceBlock::kSize;
    device.block = Hpa{kWorkspace + h.workspace.size - layout::DeviceBlock::kSize};
    EXPECT_EQ(after([] {}), "holds");
    EXPECT_EQ(
        after([&] { device.first_handle = 255; }),
        "septum: refused: manifest device interrupt entries: expected in 0x0..0x100, found 0xff..0x101 (code 0x20)");
    device.first_handle = ~0u;
    EXPECT_NE(after([] {}), "holds");
    device.first_handle = 0;
    EXPECT_NE(after([&] { device.partition = 1; }), "holds");
    device.partition = 0;
    EXPECT_NE(after([&] { h.iommu.queue = Hpa{kWorkspace + h.workspace.size}; }), "holds");
    EXPECT_NE(after([&] { h.iommu.queue = Hpa{0}; }), "holds");
}

TEST_F(BundleTest, RamThatWraps) {
    EXPECT_NE(after([&] { ram() = {Hpa{~u64{0xFFF}}, kPageSize * 2}; }), "holds");
    EXPECT_NE(after([&] { ram() = {Hpa{0x1000}, ~u64{0xFFF}}; }), "holds");
    EXPECT_NE(after([&] { ram() = {Hpa{0x1000}, 0}; }), "holds");
}

} // namespace
} // namespace septum::kernel::boot
