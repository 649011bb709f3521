// SPDX-License-Identifier: Apache-2.0
#include "verifier/facts/facts.hpp"

#include "verifier/verifier.hpp"
#include "world.hpp"

#include <septum/manifest/layout.hpp>

#include <cstring>

namespace septum::verifier {
namespace {

using decode::DefectKind;
using decode::test::make_iso;
using decode::test::make_world;
using decode::test::put;
using decode::test::World;

Facts facts_of(const World& w) {
    auto outcome = read_bundle(w.kernel, w.bundle);
    EXPECT_TRUE(outcome.ok()) << (outcome.diagnostics.empty() ? "" : outcome.diagnostics[0].message);
    return std::move(outcome.value).value_or(Facts{});
}

TEST(Sha256, KnownAnswer) { // FIPS 180-4, "abc"
    const std::uint8_t abc[] = {'a', 'b', 'c'};
    EXPECT_EQ(hex(sha256(abc)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Facts, WorldIsReadWhole) {
    const World w = make_world();
    const Facts f = facts_of(w);
    EXPECT_TRUE(f.defects.empty()) << (f.defects.kept().empty() ? "" : f.defects.kept()[0].what);
    EXPECT_FALSE(f.image);
    EXPECT_TRUE(f.bundle.manifest_digest.matches());
    EXPECT_TRUE(f.bundle.tables_digest.matches());
    EXPECT_TRUE(f.bundle.kernel_digest.matches());
    EXPECT_TRUE(f.bundle.kernel_file_digest.matches());
    EXPECT_EQ(f.bundle.tables, (PlaceRange{World::place(World::kTables), 30 * kPageSize}));
    ASSERT_EQ(f.partitions.size(), 2U);
    const PartitionFacts& left = f.partitions[0];
    const PartitionFacts& right = f.partitions[1];
    EXPECT_EQ(left.name, "left");
    ASSERT_EQ(left.npt.intervals.size(), 2U);
    EXPECT_EQ(left.npt.intervals[0],
              (Interval{0, World::kRam[0], 0x20'0000, 7, decode::kPage2M, decode::CacheType::write_back, true}));
    EXPECT_EQ(left.npt.intervals[1].access, decode::kAccessRead | decode::kAccessWrite);
    EXPECT_EQ(right.npt.intervals[1].access, decode::kAccessRead);
    EXPECT_EQ(right.reach_by_host.back().hpa, World::kChannel);
    EXPECT_TRUE(left.iopm.granted.empty());
    EXPECT_TRUE(left.payload_digest.matches());
    EXPECT_EQ(left.payload_digest.computed,
              sha256(decode::ByteSpan(w.bundle).subspan(World::kPayload * kPageSize, 100)));
    EXPECT_EQ(left.table_pages.size(), 11U);
    EXPECT_EQ(left.vmcb_boot.asid, 1U);
    EXPECT_EQ(f.devices.dma.requesters.size(), 1U);
    EXPECT_TRUE(f.devices.interrupts.present.empty());
    ASSERT_EQ(f.kernel.page_table.intervals.size(), 2U);
    EXPECT_EQ(f.kernel.page_table.intervals[0].access, decode::kAccessRead | decode::kAccessExecute);
    ASSERT_EQ(f.kernel.guards.size(), 4U);
    EXPECT_FALSE(f.kernel.guards[0].mapped);
    EXPECT_TRUE(f.shared_tables.empty());
    EXPECT_TRUE(f.unused_tables.empty());
}

TEST(Facts, DigestsAreFactsNotErrors) {
    World w = make_world();
    w.bundle[World::kPayload * kPageSize] ^= 1;
    Facts f = facts_of(w);
    EXPECT_FALSE(f.partitions[0].payload_digest.matches());
    EXPECT_TRUE(f.partitions[1].payload_digest.matches());
    EXPECT_TRUE(f.defects.empty());
    w = make_world();
    w.entry(World::kPartition[0] + 2, 1, 0x2000'0000 | 0xE7);
    f = facts_of(w);
    EXPECT_FALSE(f.bundle.tables_digest.matches());
    w = make_world();
    w.kernel[0x1000] ^= 1;
    EXPECT_FALSE(facts_of(w).bundle.kernel_digest.matches());
    w = make_world();
    w.kernel[0x2000] ^= 1; // the boot part counts too
    EXPECT_FALSE(facts_of(w).bundle.kernel_digest.matches());
    w = make_world();
    w.kernel[0x1800] ^= 1; // data changes at run time: only the file's digest covers it
    EXPECT_TRUE(facts_of(w).bundle.kernel_digest.matches());
    EXPECT_FALSE(facts_of(w).bundle.kernel_file_digest.matches());
    w = make_world();
    w.bundle[offsetof(manifest::Header, name)] ^= 1;
    EXPECT_FALSE(facts_of(w).bundle.manifest_digest.matches());
}

TEST(Facts, MappedGuardIsSeen) {
    World w = make_world();
    // The workspace's 2 MiB as one large page: the guards are inside.
    w.entry(World::kKernelPd, 24, World::kWorkspace | 0x80000000000000E3ULL);
    const Facts f = facts_of(w);
    for (const GuardFact& guard : f.kernel.guards) {
        EXPECT_TRUE(guard.mapped) << guard.address;
    }
}

TEST(Facts, OnlyTheGuardThatIsMappedIsSeen) {
    World w = make_world();
    // A page table for the workspace in an unused page, which maps the first block but for its stack guard.
    w.entry(World::kKernelPd, 24, World::place(19) | 0x23);
    for (std::uint64_t i = 1; i < 9; ++i) {
        w.entry(19, i, (World::kWorkspace + i * kPageSize) | 0x8000000000000063ULL);
    }
    const Facts f = facts_of(w);
    EXPECT_FALSE(f.kernel.guards[0].mapped); // block + 0
    EXPECT_TRUE(f.kernel.guards[1].mapped);  // block + 0x3000
    EXPECT_FALSE(f.kernel.guards[2].mapped); // the next block
}

TEST(Facts, SharedAndUnusedTablePages) {
    World w = make_world();
    // `right` enters the page directory of `left`.
    w.entry(World::kPartition[1] + 1, 0, World::place(World::kPartition[0] + 2) | 0x27);
    const Facts f = facts_of(w);
    ASSERT_EQ(f.shared_tables.size(), 1U);
    EXPECT_EQ(f.shared_tables[0].page, World::place(World::kPartition[0] + 2));
    EXPECT_EQ(f.shared_tables[0].first, "the nested page tables of `left`");
    EXPECT_EQ(f.shared_tables[0].second, "the nested page tables of `right`");
    EXPECT_EQ(f.unused_tables, std::vector<std::uint64_t>{World::place(World::kPartition[1] + 2)});
    EXPECT_EQ(f.partitions[1].npt.intervals[0].hpa, World::kRam[0]);
    EXPECT_TRUE(f.defects.has(DefectKind::stray_bytes));
}

TEST(Facts, StrayBytesBehindAPayload) {
    World w = make_world();
    w.bundle[World::kPayload * kPageSize + 100] = 1;
    const Facts f = facts_of(w);
    EXPECT_EQ(f.defects.count(DefectKind::stray_bytes), 1U);
    EXPECT_EQ(f.defects.kept().at(0).address, World::kPayload * kPageSize + 100);
}

TEST(Facts, VmcbPointersMustBeTheManifests) {
    for (const std::uint64_t offset : {0x0B0U, 0x040U, 0x048U}) {
        World w = make_world();
        put(w.bundle, (World::kPartition[0] + 10) * kPageSize + offset, World::place(World::kPartition[1]), 8);
        const Facts f = facts_of(w);
        EXPECT_TRUE(f.defects.has(DefectKind::wrong_value)) << offset;
        EXPECT_EQ(f.defects.kept().at(0).address, World::place(World::kPartition[0] + 10) + offset);
    }
}

TEST(Facts, WithoutIommuNothingIsBlocked) {
    World w = make_world();
    manifest::Header h = w.header();
    h.iommu = {};
    w.set_header(h);
    const Facts f = facts_of(w);
    EXPECT_FALSE(f.devices.present);
    EXPECT_EQ(f.devices.dma.requesters.at(0).state, decode::DmaState::unknown);
}

TEST(Facts, ImageIsReadByItsBootPath) {
    const World w = make_world();
    const auto image = make_iso(w.kernel, w.bundle);
    const auto outcome = read_image(image);
    ASSERT_TRUE(outcome.ok()) << outcome.diagnostics.at(0).message;
    const Facts& f = *outcome.value;
    ASSERT_TRUE(f.image);
    EXPECT_EQ(f.image->kernel_path, "/boot/septum.elf");
    EXPECT_EQ(f.image->bundle_path, "/boot/appliance.sep");
    EXPECT_EQ(f.image->digest, sha256(image));
    EXPECT_TRUE(f.defects.empty()) << f.defects.kept()[0].what;
}

TEST(Facts, BootPathMustLeadSomewhere) {
    const World w = make_world();
    const auto good = make_iso(w.kernel, w.bundle);
    const auto with = [&](const char* from, const char* to) {
        auto image = good;
        const std::string text(reinterpret_cast<const char*>(image.data()), image.size());
        const std::size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos);
        std::memcpy(image.data() + at, to, std::strlen(to));
        const auto outcome = read_image(image);
        return outcome.ok() ? std::string("ok") : outcome.diagnostics.at(0).message;
    };
    EXPECT_EQ(with("multiboot2 /boot/septum.elf", "multiboot2 /boot/other.elff"),
              "the image has no file `/boot/other.elff`, which `/boot/grub/grub.cfg` loads");
    EXPECT_EQ(with("module2 ", "modulez "),
              "`/boot/grub/grub.cfg` has to load one file with `module2`: expected 1, found 0");
    EXPECT_EQ(with("grub.cfg", "grub.txt"), "the image has no file `/boot/grub/grub.cfg`");
}

TEST(Walk, GoesStepByStep) {
    const World w = make_world();
    const auto image = make_iso(w.kernel, w.bundle);
    auto outcome = walk(image, "right", 0xD000'0042, nullptr);
    ASSERT_TRUE(outcome.ok());
    const Walk& found = *outcome.value;
    ASSERT_EQ(found.steps.size(), 3U);
    EXPECT_EQ(found.steps[0].level, 4);
    EXPECT_EQ(found.steps[0].table, World::place(World::kPartition[1]));
    EXPECT_EQ(found.steps[2].index, 128U);
    EXPECT_EQ(found.steps[2].meaning, "present, read-only, user, no-execute, write-back → 2 MiB page 0x10400000");
    EXPECT_EQ(found.steps[0].meaning, "present, writable, user → table 0x4015000");
    EXPECT_TRUE(found.mapped);
    EXPECT_EQ(found.host, World::kChannel + 0x42);
    EXPECT_EQ(found.access, "r--");
    outcome = walk(image, "right", 0x20'0000, nullptr);
    ASSERT_TRUE(outcome.ok());
    EXPECT_FALSE(outcome.value->mapped);
    EXPECT_EQ(outcome.value->steps.back().meaning, "not present");
    EXPECT_EQ(outcome.value->access, "---");
}

TEST(Walk, NamesTheLineThatGrants) {
    const World w = make_world();
    const auto image = make_iso(w.kernel, w.bundle);
    config::Model model;
    model.partitions.resize(1);
    model.partitions[0].name.value = "right";
    model.partitions[0].memory.span = {0, 7, 5, 7, 11};
    model.channels.resize(1);
    model.channels[0].name.value = "pipe";
    model.channels[0].name.span = {0, 20, 3, 20, 7};
    EXPECT_EQ(walk(image, "right", 0x1000, &model).value->granted_by.line, 7U);
    EXPECT_EQ(walk(image, "right", 0xD000'0000, &model).value->granted_by.line, 20U);
    EXPECT_FALSE(walk(image, "right", 0x20'0000, &model).value->granted_by.known());
}

TEST(Walk, SaysWhatIsWrong) {
    const World w = make_world();
    const auto image = make_iso(w.kernel, w.bundle);
    const auto unknown = walk(image, "rihgt", 0, nullptr);
    ASSERT_FALSE(unknown.ok());
    EXPECT_EQ(unknown.diagnostics[0].message, "the image has no partition `rihgt`");
    EXPECT_EQ(unknown.diagnostics[0].help, "did you mean `right`?");
    EXPECT_FALSE(walk(image, "right", 1ULL << 48, nullptr).ok());
    EXPECT_FALSE(walk({}, "right", 0, nullptr).ok());
}

} // namespace
} // namespace septum::verifier
