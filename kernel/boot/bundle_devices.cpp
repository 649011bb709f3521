// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/bundle_devices.hpp"

#include "kernel/boot/bundle.hpp"
#include "kernel/boot/bundle_check.hpp"

#include <septum/guest/board.hpp>
#include <septum/manifest/layout.hpp>

namespace septum::kernel::boot {

namespace {

using manifest::Bar;
using manifest::Bridge;
using manifest::Device;
using manifest::Header;
using manifest::PciAnswer;

constexpr u32 kFirstCapability = 0x40;  // behind the standard header (PCI 3.0 §6.1)
constexpr u32 kExtendedSpace = 0x100;   // PCIe 6.0 §7.2
constexpr u32 kConfigurationSpace = 0x1000;
constexpr u32 kMaxMsixTable = 2048;     // PCI 3.0 §6.8.2.3
constexpr u64 kWindowUnit = kMiB;       // PCI-to-PCI bridge 1.2 §3.2.5.8

constexpr bool is_power_of_two(u64 value) { return value != 0 && (value & (value - 1)) == 0; }

Value place(const manifest::Range& range) { return Value::range(range.base.value, range.base.value + range.size); }

Refusal check_tables_of_devices(const Header& header) {
    constexpr u32 kBars = manifest::kMaxDevices * manifest::kMaxBars;
    constexpr u32 kRegisters = manifest::kMaxDevices * manifest::kMaxPciRegisters;
    SEPTUM_REQUIRE(check_table<Device>(header, "devices", header.devices, manifest::kMaxDevices));
    SEPTUM_REQUIRE(check_table<Bar>(header, "bars", header.bars, kBars));
    SEPTUM_REQUIRE(check_table<manifest::PciRegister>(header, "pci registers", header.pci_registers, kRegisters));
    return check_table<Bridge>(header, "bridges", header.bridges, manifest::kMaxBridges);
}

// Naturally aligned, where BARs may be, and on nothing else's place.
Refusal check_bar(const Header& header, const Bar& bar, u32 device, bool is_first, u32 previous_end) {
    const u64 size = bar.memory.size;
    const u64 base = bar.memory.base.value;
    const u32 last = bar.number + ((bar.flags & manifest::kBar64) != 0 ? 1u : 0u);
    if (bar.device != device) {
        return bad("bar of a device", Value::decimal(device), Value::decimal(bar.device));
    }
    if (last >= manifest::kMaxBars || (!is_first && bar.number < previous_end)) {
        return bad("bar number", Value::range(is_first ? 0 : previous_end, manifest::kMaxBars), Value::decimal(bar.number));
    }
    if (!is_power_of_two(size) || size < kPageSize || size > kAddressLimit || base % size != 0 ||
        base > kAddressLimit - size) {
        return bad("bar", Value::text("a power of two of whole pages, on a boundary of its size"), place(bar.memory));
    }
    if ((bar.flags & manifest::kBar64) == 0 && base + size > 4 * kGiB) {
        return bad("bar of 32 bits", Value::range("within", 0, 4 * kGiB), place(bar.memory));
    }
    const u64 gpa = bar.gpa.value;
    if (gpa % size != 0 || gpa < guest::kPciBase || gpa >= guest::kPciLimit || size > guest::kPciLimit - gpa) {
        return bad("bar as seen", Value::range("aligned, in", guest::kPciBase, guest::kPciLimit),
                   Value::range(gpa, gpa + size));
    }
    const manifest::Range taken[] = {header.kernel,
                                     header.workspace,
                                     {header.bundle_base, header.bundle_size},
                                     {header.trampoline, kPageSize},
                                     {header.iommu.registers, header.iommu.registers.value != 0 ? kPageSize : 0},
                                     {Hpa{0xFEE0'0000}, kMiB}}; // local APICs and the interrupt window
    for (const auto& other : taken) {
        if (overlap(base, size, other.base.value, other.size)) {
            return bad("bar", Value::text("a place that is not the kernel's"), place(bar.memory));
        }
    }
    for (const auto& ram : records<manifest::Range>(header, header.ram)) {
        if (overlap(base, size, ram.base.value, ram.size)) {
            return bad("bar", Value::text("a place without memory"), place(bar.memory));
        }
    }
    for (const auto& other : records<Bar>(header, header.bars)) {
        if (&other != &bar && overlap(base, size, other.memory.base.value, other.memory.size)) {
            return bad("bar", Value::text("a place of its own"), place(bar.memory));
        }
    }
    return kHolds;
}

Refusal check_registers(const Header& header, const Device& device) {
    const auto registers = records<manifest::PciRegister>(header, header.pci_registers);
    u32 least = 0;
    for (u64 i = 0; i < device.registers.count; i++) {
        const manifest::PciRegister& one = registers[device.registers.first + i];
        if (one.offset % 4 != 0 || one.offset < least) {
            return bad("pci register", Value::range("doublewords in", least, 0x100), Value::hex(one.offset));
        }
        least = one.offset + 4u;
        if (one.answer > PciAnswer::msix_control) {
            return bad("pci register answer", Value::range(0, 9), Value::decimal(static_cast<u64>(one.answer)));
        }
        const bool is_bar = one.answer == PciAnswer::bar_low || one.answer == PciAnswer::bar_high;
        if (is_bar && one.bar >= device.bars.count) {
            return bad("pci register of a bar", Value::range(0, device.bars.count), Value::decimal(one.bar));
        }
        if (device.bdf == manifest::kNobody && one.answer != PciAnswer::constant) {
            return bad("pci register of a virtual function", Value::text("a constant"), Value::hex(one.offset));
        }
    }
    return kHolds;
}

Refusal check_messages(const Header& header, const Device& device) {
    if (device.msi_at != 0 && device.msi_at < kFirstCapability) {
        return bad("msi capability", Value::range(kFirstCapability, 0x100), Value::hex(device.msi_at));
    }
    if (device.msix_entries == 0) {
        if (device.msix_at != 0 || device.msix_bar != ~0u) {
            return bad("msi-x", Value::text("none without entries"), Value::hex(device.msix_at));
        }
        return kHolds;
    }
    const u32 index = device.msix_bar - device.bars.first; // wraps past the count when it lies before
    const u64 size = index < device.bars.count ? records<Bar>(header, header.bars)[device.msix_bar].memory.size : 0;
    const u64 bytes = u64{device.msix_entries} * 16;
    if (device.msix_at < kFirstCapability || device.msix_entries > kMaxMsixTable || device.msix_offset % 8 != 0 ||
        bytes > size || device.msix_offset > size - bytes) {
        return bad("msi-x table", Value::range("within its bar,", 0, size),
                   Value::range(device.msix_offset, device.msix_offset + bytes));
    }
    return kHolds;
}

Refusal check_reset(const Device& device) {
    const bool by_capability = device.reset == manifest::ResetKind::flr || device.reset == manifest::ResetKind::af_flr ||
                               device.reset == manifest::ResetKind::power;
    if (device.reset > manifest::ResetKind::bus) {
        return bad("device reset", Value::range(0, 5), Value::decimal(static_cast<u64>(device.reset)));
    }
    if (by_capability != (device.reset_at >= kFirstCapability)) {
        return bad("device reset capability",
                   by_capability ? Value::range(kFirstCapability, 0x100) : Value::text("none"),
                   Value::hex(device.reset_at));
    }
    if ((device.reset == manifest::ResetKind::bus) != (device.bridge != manifest::kNobody)) {
        return bad("device reset bridge", Value::text("one for a bus reset only"), Value::bdf(device.bridge));
    }
    return kHolds;
}

Refusal check_block_of(const Header& header, const Device& device) {
    const u64 offset = device.block.value - header.workspace.base.value; // wraps past the size when it lies before
    if (!whole_pages(device.block.value) || offset > header.workspace.size ||
        layout::DeviceBlock::kSize > header.workspace.size - offset) {
        return bad("device block", Value::range("a block in", header.workspace.base.value,
                                                header.workspace.base.value + header.workspace.size),
                   Value::hex(device.block.value));
    }
    for (const auto& other : records<Device>(header, header.devices)) {
        if (&other != &device && other.bdf == device.bdf) {
            return bad("device", Value::text("a function of its own"), Value::bdf(device.bdf));
        }
        if (&other != &device && other.block == device.block) {
            return bad("device block", Value::text("one of its own"), Value::hex(device.block.value));
        }
    }
    return kHolds;
}

Refusal check_device(const Header& header, const Device& device, u32 index) {
    SEPTUM_REQUIRE(check_slice("device registers", device.registers, header.pci_registers, manifest::kMaxPciRegisters));
    SEPTUM_REQUIRE(check_slice("device bars", device.bars, header.bars, manifest::kMaxBars));
    SEPTUM_REQUIRE(check_registers(header, device));
    if (device.bdf == manifest::kNobody) {
        if (device.bars.count != 0 || device.handles != 0 || device.msix_entries != 0 || device.block.value != 0) {
            return bad("virtual function", Value::text("registers only"), Value::decimal(index));
        }
        return kHolds;
    }
    if (header.iommu.kind == manifest::IommuKind::none) {
        return bad("device", Value::text("an iommu"), Value::text("none"));
    }
    const auto bars = records<Bar>(header, header.bars);
    u32 previous_end = 0;
    for (u32 i = 0; i < device.bars.count; i++) {
        const Bar& bar = bars[device.bars.first + i];
        SEPTUM_REQUIRE(check_bar(header, bar, index, i == 0, previous_end));
        previous_end = bar.number + ((bar.flags & manifest::kBar64) != 0 ? 2u : 1u);
    }
    SEPTUM_REQUIRE(check_messages(header, device));
    SEPTUM_REQUIRE(check_reset(device));
    return check_block_of(header, device);
}

// A partition's slice: first the virtual host bridge, then functions on bus 0 in order, with their blocks in a row.
Refusal check_slice_of(const Header& header, const manifest::Partition& partition, u64 index) {
    SEPTUM_REQUIRE(check_slice("partition devices", partition.devices, header.devices));
    const auto devices = records<Device>(header, header.devices);
    for (u32 i = 0; i < partition.devices.count; i++) {
        const u32 number = partition.devices.first + i;
        const Device& device = devices[number];
        if (device.partition != index) {
            return bad("device of a partition", Value::decimal(index), Value::decimal(device.partition));
        }
        if ((i == 0) != (device.bdf == manifest::kNobody) || (i == 0 && device.virtual_bdf != 0)) {
            return bad("device", Value::text("a virtual host bridge first, and only there"), Value::bdf(device.virtual_bdf));
        }
        if (i != 0 && device.virtual_bdf <= devices[number - 1].virtual_bdf) {
            return bad("device as seen", Value::text("in order"), Value::bdf(device.virtual_bdf));
        }
        if (device.virtual_bdf > 0xFF) {
            return bad("device as seen", Value::text("on bus 0"), Value::bdf(device.virtual_bdf));
        }
        if (i > 1 && device.block != devices[number - 1].block + layout::DeviceBlock::kSize) {
            return bad("device block", Value::hex(devices[number - 1].block.value + layout::DeviceBlock::kSize),
                       Value::hex(device.block.value));
        }
        SEPTUM_REQUIRE(check_device(header, device, number));
    }
    return kHolds;
}

// What a partition maps of devices lies in its own BARs, at the address they are seen at, uncached, never to be executed, and
// nothing of it is a page with an MSI-X table.
Refusal check_region(const Header& header, const manifest::Region& region, u64 partition) {
    if (region.kind != manifest::RegionKind::device) {
        return kHolds;
    }
    const Value found = Value::range(region.hpa.value, region.hpa.value + region.size);
    if (region.object >= header.bars.count) {
        return bad("device region", Value::range("a bar in", 0, header.bars.count), Value::decimal(region.object));
    }
    const Bar& bar = records<Bar>(header, header.bars)[region.object];
    if (bar.device >= header.devices.count) {
        return bad("bar of a device", Value::range(0, header.devices.count), Value::decimal(bar.device));
    }
    const Device& device = records<Device>(header, header.devices)[bar.device];
    const u64 offset = region.hpa.value - bar.memory.base.value; // wraps past the size when it lies before
    if (device.partition != partition || offset > bar.memory.size || region.size > bar.memory.size - offset ||
        region.gpa.value - bar.gpa.value != offset) {
        return bad("device region", Value::text("a part of the partition's own bar"), found);
    }
    if (region.type != manifest::MemoryType::uncacheable || (region.access & manifest::kExecute) != 0) {
        return bad("device region", Value::text("uncached, not executable"), found);
    }
    if (device.msix_bar == region.object) {
        const u64 begin = device.msix_offset / kPageSize * kPageSize;
        const u64 end = (device.msix_offset + u64{device.msix_entries} * 16 + kPageSize - 1) / kPageSize * kPageSize;
        if (overlap(offset, region.size, begin, end - begin)) {
            return bad("device region", Value::text("no page of an msi-x table"), found);
        }
    }
    return kHolds;
}

Refusal check_window(const char* what, const manifest::Range& window, u64 limit) {
    if (window.size != 0 && (window.base.value % kWindowUnit != 0 || window.size % kWindowUnit != 0 ||
                             window.size > limit || window.base.value > limit - window.size)) {
        return bad(what, Value::range("whole MiB in", 0, limit), place(window));
    }
    return kHolds;
}

Refusal check_bridges(const Header& header) {
    const Bridge* previous = nullptr;
    for (const auto& bridge : records<Bridge>(header, header.bridges)) {
        if (previous != nullptr && bridge.bdf <= previous->bdf) {
            return bad("bridge", Value::text("in order"), Value::bdf(bridge.bdf));
        }
        previous = &bridge;
        if (bridge.secondary <= bridge.primary || bridge.subordinate < bridge.secondary ||
            bridge.primary != bridge.bdf >> 8) {
            return bad("bridge buses", Value::text("its own, then those behind it"),
                       Value::range(bridge.secondary, bridge.subordinate));
        }
        SEPTUM_REQUIRE(check_window("bridge window", bridge.window, 4 * kGiB));
        SEPTUM_REQUIRE(check_window("bridge prefetchable window", bridge.prefetchable, kAddressLimit));
        if (bridge.acs != 0 && (header.ecam.value == 0 || bridge.acs_at < kExtendedSpace ||
                                bridge.acs_at > kConfigurationSpace - 8 || bridge.acs_at % 4 != 0)) {
            return bad("bridge access control",
                       header.ecam.value == 0 ? Value::text("configuration space in memory")
                                              : Value::range("doublewords in", kExtendedSpace, kConfigurationSpace),
                       Value::hex(bridge.acs_at));
        }
    }
    return kHolds;
}

Refusal check_facts_of_devices(const Header& header) {
    for (const auto& fact : records<manifest::Fact>(header, header.facts)) {
        if (fact.kind == manifest::FactKind::pci_bits && (fact.a > 0xFFFF || fact.b > 0xFC || fact.b % 4 != 0)) {
            return bad("pci fact", Value::range("a doubleword in", 0, 0x100), Value::hex(fact.b));
        }
    }
    if (header.ecam.value % kMiB != 0 || header.ecam.value > kAddressLimit - 256 * kMiB) {
        return bad("configuration space in memory", Value::range("whole MiB in", 0, kAddressLimit),
                   Value::hex(header.ecam.value));
    }
    return kHolds;
}

} // namespace

Refusal check_devices(const Header& header) {
    SEPTUM_REQUIRE(check_tables_of_devices(header));
    const auto partitions = records<manifest::Partition>(header, header.partitions);
    u64 owned = 0;
    for (u64 i = 0; i < partitions.count; i++) {
        SEPTUM_REQUIRE(check_slice_of(header, partitions[i], i));
        owned += partitions[i].devices.count;
    }
    if (owned != header.devices.count) {
        return bad("devices", Value::decimal(owned), Value::decimal(header.devices.count));
    }
    const auto regions = records<manifest::Region>(header, header.regions);
    for (u64 i = 0; i < partitions.count; i++) {
        for (u64 j = 0; j < partitions[i].regions.count; j++) {
            SEPTUM_REQUIRE(check_region(header, regions[partitions[i].regions.first + j], i));
        }
    }
    SEPTUM_REQUIRE(check_bridges(header));
    return check_facts_of_devices(header);
}

} // namespace septum::kernel::boot
