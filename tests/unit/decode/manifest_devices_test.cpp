// SPDX-License-Identifier: Apache-2.0
// The manifest's records of devices, bridges, the IOMMU and the watchdog: read as they stand, each wrong field named.
#include "verifier/decode/manifest.hpp"

#include "world.hpp"

#include <cstddef>

namespace septum::verifier::decode {
namespace {

namespace m = septum::manifest;
using test::put;
using test::World;

Defects defects_of(const World& world) {
    auto outcome = decode_manifest(world.bundle);
    EXPECT_TRUE(outcome.ok());
    return outcome.ok() ? outcome.value->defects : Defects{};
}

TEST(ManifestDevices, AreRead) {
    const World w = test::make_device_world();
    const auto outcome = decode_manifest(w.bundle);
    ASSERT_TRUE(outcome.ok());
    const Manifest& d = *outcome.value;
    EXPECT_TRUE(d.defects.empty()) << d.defects.kept()[0].what;
    ASSERT_EQ(d.devices_of(d.partitions[0]).size(), 2U);
    EXPECT_TRUE(d.devices_of(d.partitions[1]).empty());
    const m::Device& nic = d.devices_of(d.partitions[0])[1];
    EXPECT_EQ(text(nic.name), "nic");
    EXPECT_EQ(nic.bdf, 0x200);
    ASSERT_EQ(d.bars_of(nic).size(), 1U);
    EXPECT_EQ(d.bars_of(nic)[0].memory.base.value, 0xFE80'0000U);
    ASSERT_EQ(d.registers_of(nic).size(), 4U);
    EXPECT_EQ(d.registers_of(nic)[3].answer, m::PciAnswer::msix_control);
    EXPECT_EQ(d.bridges.at(0).acs_at, 0x148);
}

TEST(ManifestDevices, EveryFieldIsChecked) {
    const World good = test::make_device_world();
    const m::Header h = good.header();
    const std::uint64_t nic = h.devices.offset + sizeof(m::Device);
    const std::uint64_t bar = h.bars.offset;
    const std::uint64_t rules = h.pci_registers.offset;
    const std::uint64_t bridge = h.bridges.offset;
    const struct {
        const char* what;
        std::uint64_t at;
        std::uint64_t value;
        unsigned size;
        DefectKind kind;
    } cases[] = {
        {"name ends", nic + 31, 'x', 1, DefectKind::stray_bytes},
        {"no name", nic, 0, 1, DefectKind::wrong_value},
        {"partition", nic + offsetof(m::Device, partition), 7, 2, DefectKind::out_of_range},
        {"other partition", nic + offsetof(m::Device, partition), 1, 2, DefectKind::wrong_value},
        {"virtual bus", nic + offsetof(m::Device, virtual_bdf), 0x108, 2, DefectKind::out_of_range},
        {"second bridge", nic + offsetof(m::Device, virtual_bdf), 0, 2, DefectKind::wrong_value},
        {"domain", nic + offsetof(m::Device, domain), 0, 2, DefectKind::out_of_range},
        {"reset kind", nic + offsetof(m::Device, reset), 9, 1, DefectKind::out_of_range},
        {"reset without capability", nic + offsetof(m::Device, reset_at), 0, 1, DefectKind::wrong_value},
        {"capability in the header", nic + offsetof(m::Device, reset_at), 0x20, 1, DefectKind::out_of_range},
        {"bridge without bus reset", nic + offsetof(m::Device, bridge), 0x10, 2, DefectKind::wrong_value},
        {"msi unaligned", nic + offsetof(m::Device, msi_at), 0x51, 1, DefectKind::out_of_range},
        {"msi flags", nic + offsetof(m::Device, msi_flags), 4, 1, DefectKind::reserved_bits},
        {"reserved", nic + offsetof(m::Device, reserved0), 1, 1, DefectKind::reserved_bits},
        {"reserved at the end", nic + offsetof(m::Device, reserved1), 1, 4, DefectKind::reserved_bits},
        {"handles leave the table", nic + offsetof(m::Device, first_handle), 252, 4, DefectKind::out_of_range},
        {"too many handles", nic + offsetof(m::Device, handles), 129, 4, DefectKind::out_of_range},
        {"more handles than entries", nic + offsetof(m::Device, handles), 6, 4, DefectKind::out_of_range},
        {"no msi-x entries", nic + offsetof(m::Device, msix_entries), 0, 4, DefectKind::wrong_value},
        {"foreign bar", nic + offsetof(m::Device, msix_bar), 1, 4, DefectKind::out_of_range},
        {"table leaves its bar", nic + offsetof(m::Device, msix_offset), 0x3FC0, 4, DefectKind::out_of_range},
        {"own table under vt-d", nic + offsetof(m::Device, interrupt_table), 0x1000, 8, DefectKind::wrong_value},
        {"block", nic + offsetof(m::Device, block), 0x800, 8, DefectKind::unaligned},
        {"rules leave the table", nic + offsetof(m::Device, registers) + 4, 5, 4, DefectKind::out_of_range},
        {"rule of nobody", nic + offsetof(m::Device, registers) + 4, 3, 4, DefectKind::stray_bytes},
        {"bars of two", h.devices.offset + offsetof(m::Device, bars) + 4, 1, 4, DefectKind::overlap},
        {"bar's device", bar, 0, 2, DefectKind::wrong_value},
        {"bar's number", bar + offsetof(m::Bar, number), 5, 1, DefectKind::out_of_range}, // 64 bits take two
        {"bar's flags", bar + offsetof(m::Bar, flags), 4, 1, DefectKind::reserved_bits},
        {"bar's size", bar + offsetof(m::Bar, memory) + 8, 0x3000, 8, DefectKind::wrong_value},
        {"small bar", bar + offsetof(m::Bar, memory) + 8, 0x800, 8, DefectKind::wrong_value},
        {"bar's place", bar + offsetof(m::Bar, memory), 0xFE80'1000, 8, DefectKind::unaligned},
        {"bar's guest side", bar + offsetof(m::Bar, gpa), 0xE000'1000, 8, DefectKind::unaligned},
        {"bar beyond", bar + offsetof(m::Bar, memory), 1ULL << 52, 8, DefectKind::out_of_range},
        {"rule unaligned", rules + 20, 5, 1, DefectKind::unaligned},
        {"rule out of order", rules + 40, 4, 1, DefectKind::overlap},
        {"rule's answer", rules + 21, 9, 1, DefectKind::out_of_range},
        {"rule's bar", rules + 42, 1, 1, DefectKind::out_of_range},
        {"bar of no bar", rules + 22, 1, 1, DefectKind::out_of_range},
        {"both kinds of write", rules + 20 + 16, 0x0000'0040, 4, DefectKind::reserved_bits},
        {"mask of a bar", rules + 40 + 12, 1, 4, DefectKind::reserved_bits},
        {"virtual, yet hardware", rules + 1, 1, 1, DefectKind::wrong_value},
        {"bridge's primary", bridge + 2, 1, 1, DefectKind::wrong_value},
        {"bridge's buses", bridge + 4, 1, 1, DefectKind::wrong_value},
        {"bridge's acs", bridge + offsetof(m::Bridge, acs_at), 0x48, 2, DefectKind::out_of_range},
        {"bridge's window", bridge + offsetof(m::Bridge, window) + 8, 0x1000, 8, DefectKind::unaligned},
        {"ecam", offsetof(m::Header, ecam), 0xB010'0000, 8, DefectKind::unaligned},
        {"acs without ecam", offsetof(m::Header, ecam), 0, 8, DefectKind::wrong_value},
        {"levels", offsetof(m::Header, iommu) + offsetof(m::Iommu, levels), 5, 1, DefectKind::wrong_value},
        {"unit's function", offsetof(m::Header, iommu) + offsetof(m::Iommu, bdf), 2, 2, DefectKind::wrong_value},
        {"queue", offsetof(m::Header, iommu) + offsetof(m::Iommu, queue), 8, 8, DefectKind::unaligned},
        {"capability", offsetof(m::Header, iommu) + offsetof(m::Iommu, capability), 1, 8, DefectKind::reserved_bits},
        {"kind", offsetof(m::Header, iommu), 7, 1, DefectKind::wrong_value},
        {"no unit", offsetof(m::Header, iommu), 0, 1, DefectKind::reserved_bits},
        {"watchdog's kind", offsetof(m::Header, watchdog), 2, 1, DefectKind::wrong_value},
        {"watchdog's comparator", offsetof(m::Header, watchdog) + 1, 32, 1, DefectKind::out_of_range},
        {"watchdog's place", offsetof(m::Header, watchdog) + 8, 4, 8, DefectKind::unaligned},
        {"watchdog's period", offsetof(m::Header, watchdog) + 16, 0, 4, DefectKind::out_of_range},
        {"watchdog's handle", offsetof(m::Header, watchdog) + 20, 256, 4, DefectKind::out_of_range},
        {"no watchdog", offsetof(m::Header, watchdog), 0, 1, DefectKind::reserved_bits},
        {"event log", offsetof(m::Header, event_log), 1, 8, DefectKind::unaligned},
        {"crash record", offsetof(m::Header, crash_record), 1, 8, DefectKind::unaligned},
        {"event log that is not there", offsetof(m::Header, iommu), 1, 1, DefectKind::wrong_value},
    };
    for (const auto& one : cases) {
        World w = good;
        put(w.bundle, one.at, one.value, one.size);
        if (std::string_view(one.what) == "event log that is not there") {
            put(w.bundle, offsetof(m::Header, event_log) + 8, 0, 8);
            put(w.bundle, h.partitions.offset + offsetof(m::Partition, event_log), 1, 1);
        }
        EXPECT_TRUE(defects_of(w).has(one.kind)) << one.what;
    }
}

TEST(ManifestDevices, AHeartbeatTakesAWatchdog) {
    World w = test::make_world();
    put(w.bundle, w.header().partitions.offset + offsetof(m::Partition, heartbeat_ms), 500, 4);
    EXPECT_TRUE(defects_of(w).has(DefectKind::wrong_value));
    EXPECT_TRUE(defects_of(test::make_world()).empty());
}

TEST(ManifestDevices, TablesHaveBounds) {
    World w = test::make_device_world();
    m::Header h = w.header();
    h.devices.count = m::kMaxDevices + 1;
    w.set_header(h);
    EXPECT_EQ(decode_manifest(w.bundle).diagnostics.at(0).message,
              "the manifest has more `devices` than the kernel takes: expected at most 256, found 257");
    h = test::make_device_world().header();
    h.bridges.offset = h.manifest_size - 8;
    w.set_header(h);
    EXPECT_FALSE(decode_manifest(w.bundle).ok());
}

} // namespace
} // namespace septum::verifier::decode
