// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/manifest.hpp"

#include "world.hpp"

#include <cstddef>
#include <cstring>

namespace septum::verifier::decode {
namespace {

namespace m = septum::manifest;
using test::put;
using test::World;

TEST(Manifest, ReadsEveryRecord) {
    const World w = test::make_world();
    const auto outcome = decode_manifest(w.bundle);
    ASSERT_TRUE(outcome.ok()) << outcome.diagnostics.at(0).message;
    const Manifest& d = *outcome.value;
    EXPECT_TRUE(d.defects.empty()) << d.defects.kept()[0].what;
    ASSERT_EQ(d.partitions.size(), 2U);
    EXPECT_EQ(text(d.partitions[1].name), "right");
    EXPECT_EQ(d.regions_of(d.partitions[1]).size(), 2U);
    EXPECT_EQ(d.regions_of(d.partitions[1])[0].hpa.value, World::kRam[1]);
    EXPECT_EQ(d.cpus_of(d.partitions[1])[0].apic_id, 1U);
    EXPECT_EQ(d.ports_of(d.partitions[0])[0].first, 0x3F8);
    EXPECT_EQ(text(d.channels.at(0).name), "pipe");
}

TEST(Manifest, RefusesWhatItCannotRead) {
    const World good = test::make_world();
    const auto with = [&](auto&& change) {
        World w = good;
        m::Header h = w.header();
        change(h);
        w.set_header(h);
        return decode_manifest(w.bundle).ok();
    };
    EXPECT_FALSE(decode_manifest({}).ok());
    EXPECT_FALSE(decode_manifest(ByteSpan(good.bundle).first(sizeof(m::Header) - 1)).ok());
    EXPECT_FALSE(decode_manifest(ByteSpan(good.bundle).first(good.bundle.size() - 1)).ok());
    EXPECT_FALSE(with([](m::Header& h) { h.magic ^= 1; }));
    EXPECT_FALSE(with([](m::Header& h) { h.version = m::kVersion + 1; }));
    EXPECT_FALSE(with([](m::Header& h) { h.bundle_size += 1; }));
    EXPECT_FALSE(with([](m::Header& h) { h.manifest_size = 0xFFFF'F000; }));
    EXPECT_FALSE(with([](m::Header& h) { h.manifest_size = 0; }));
    EXPECT_FALSE(with([](m::Header& h) { h.tables_size = 0xFFFF'F000; }));
    EXPECT_FALSE(with([](m::Header& h) { h.tables_offset += 8; }));
    EXPECT_FALSE(with([](m::Header& h) { h.bundle_base = Hpa{~0ULL - 0xFFF}; }));
    EXPECT_FALSE(with([](m::Header& h) { h.bundle_base = Hpa{0x1008}; }));
    EXPECT_FALSE(with([](m::Header& h) { h.cpus.count = 0xFFFF'FFFF; }));
    EXPECT_FALSE(with([](m::Header& h) { h.regions.offset = 0xFFFF'FFF8; }));
    EXPECT_FALSE(with([](m::Header& h) { h.regions.offset = 8; }));
    EXPECT_TRUE(with([](m::Header&) {}));
    World w = good;
    put(w.bundle, 0, 0, 8);
    EXPECT_EQ(decode_manifest(w.bundle).diagnostics.at(0).message,
              "the bundle has no manifest: expected magic 0x314d55545045537f, found 0x0");
}

TEST(Manifest, CpusThatNobodyOwnsComeLast) {
    World w = test::make_world();
    const m::Header h = w.header();
    // `right` gives its CPU up: it belongs to nobody.
    put(w.bundle, h.cpus.offset + 16 + 4, m::kNobody, 2);
    put(w.bundle, h.partitions.offset + sizeof(m::Partition) + offsetof(m::Partition, cpu_count), 0, 2);
    Defects found = decode_manifest(w.bundle).value.value().defects;
    EXPECT_FALSE(found.has(DefectKind::stray_bytes));
    EXPECT_EQ(found.total(), 1U); // a partition without a CPU
    put(w.bundle, h.cpus.offset + 16 + 6, 1, 2);
    EXPECT_TRUE(decode_manifest(w.bundle).value->defects.has(DefectKind::wrong_value));
    w = test::make_world();
    put(w.bundle, h.cpus.offset + 4, m::kNobody, 2); // the first, and still in a partition's slice
    found = decode_manifest(w.bundle).value.value().defects;
    EXPECT_TRUE(found.has(DefectKind::overlap));
    EXPECT_TRUE(found.has(DefectKind::wrong_value));
}

TEST(Manifest, BoundsAreTheKernels) {
    const World good = test::make_world();
    World w = good;
    m::Header h = w.header();
    h.partitions.count = m::kMaxPartitions + 1;
    w.set_header(h);
    EXPECT_EQ(decode_manifest(w.bundle).diagnostics.at(0).message,
              "the manifest has more `partitions` than the kernel takes: expected at most 64, found 65");
}

TEST(Manifest, RecordsDefects) {
    const World good = test::make_world();
    const m::Header h = good.header();
    const auto defects = [&](std::uint64_t at, std::uint64_t value, unsigned size) {
        World w = good;
        put(w.bundle, at, value, size);
        return decode_manifest(w.bundle).value.value().defects;
    };
    const std::uint64_t partition = h.partitions.offset;
    EXPECT_TRUE(defects(partition + offsetof(m::Partition, regions), 1, 4).has(DefectKind::overlap));
    EXPECT_TRUE(defects(partition + offsetof(m::Partition, regions), 9, 4).has(DefectKind::out_of_range));
    EXPECT_TRUE(defects(partition + offsetof(m::Partition, regions) + 4, 1, 4).has(DefectKind::stray_bytes));
    EXPECT_TRUE(defects(partition + offsetof(m::Partition, boot), 9, 1).has(DefectKind::wrong_value));
    EXPECT_TRUE(defects(partition + offsetof(m::Partition, cpu_count), 0, 2).has(DefectKind::out_of_range));
    EXPECT_TRUE(defects(partition + offsetof(m::Partition, reserved0), 1, 1).has(DefectKind::reserved_bits));
    EXPECT_TRUE(defects(partition, 0, 1).has(DefectKind::wrong_value)); // no name
    EXPECT_TRUE(defects(partition + 31, 'x', 1).has(DefectKind::stray_bytes));
    World endless = good;
    std::fill_n(endless.bundle.begin() + static_cast<std::ptrdiff_t>(partition), 32, std::uint8_t{'x'});
    EXPECT_TRUE(decode_manifest(endless.bundle).value->defects.has(DefectKind::wrong_value));
    EXPECT_TRUE(defects(h.cpus.offset + 4, 1, 2).has(DefectKind::wrong_value));
    EXPECT_TRUE(defects(h.cpus.offset + 4, 77, 2).has(DefectKind::out_of_range));
    EXPECT_TRUE(defects(h.regions.offset + offsetof(m::Region, access), 0x17, 1).has(DefectKind::reserved_bits));
    EXPECT_TRUE(defects(h.regions.offset + offsetof(m::Region, size), 0x1001, 8).has(DefectKind::unaligned));
    EXPECT_TRUE(defects(h.regions.offset + offsetof(m::Region, size), ~0xFFFULL, 8).has(DefectKind::out_of_range));
    EXPECT_TRUE(defects(h.payloads.offset, 0x1000, 4).has(DefectKind::out_of_range)); // in the manifest itself
    EXPECT_TRUE(defects(h.channels.offset + offsetof(m::Channel, reader), 2, 2).has(DefectKind::out_of_range));
    EXPECT_TRUE(defects(h.channels.offset + offsetof(m::Channel, vector), 3, 1).has(DefectKind::out_of_range));
    EXPECT_TRUE(defects(h.ports.offset + 2, 0, 2).has(DefectKind::overlap)); // last < first
    EXPECT_TRUE(defects(h.ports.offset + 4, 99, 1).has(DefectKind::wrong_value));
    EXPECT_TRUE(
        defects(h.msrs.offset + 9, 3 - 1, 1).has(DefectKind::wrong_value)); // a constant is no answer to a write
    EXPECT_TRUE(defects(h.cpuid.offset + 40, 16, 4).has(DefectKind::reserved_bits));
    EXPECT_TRUE(defects(0x1FFF, 1, 1).has(DefectKind::stray_bytes));
    EXPECT_TRUE(defects(offsetof(m::Header, cpus), h.cpus.offset + 4, 4).has(DefectKind::unaligned));
}

} // namespace
} // namespace septum::verifier::decode
