// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/bundle.hpp"

#include "kernel/boot/bundle_check.hpp"
#include "kernel/boot/bundle_devices.hpp"
#include "kernel/boot/watchdog.hpp"

#include <septum/manifest/layout.hpp>

#include "kernel/boot/amd_vi_format.hpp"
#include "kernel/lifecycle/sha256.hpp"

namespace septum::kernel::boot {

namespace {

using manifest::Header;
using manifest::Range;
using manifest::Table;

namespace amd_vi = iommu::amd_vi;

Refusal check_digest(const char* what, const manifest::Digest& expected, const manifest::Digest& found) {
    if (expected == found) {
        return kHolds;
    }
    return {Code::digest, Value::text(what), {}, Value::digest(expected), Value::digest(found)};
}

// With its own digest read as zeros.
manifest::Digest digest_of_manifest(Bytes bundle, u32 size) {
    constexpr u64 at = __builtin_offsetof(Header, manifest_digest);
    constexpr u64 behind = at + sizeof(manifest::Digest);
    constexpr manifest::Digest zeros{};
    Sha256 hash;
    hash.update(bundle.data, at);
    hash.update(zeros.bytes, sizeof zeros.bytes);
    hash.update(bundle.data + behind, size - behind);
    return hash.finish();
}

Refusal check_identity(Bytes bundle) {
    if (bundle.size < sizeof(Header)) {
        return bad("size", Value::range(sizeof(Header), ~u64{0}), Value::decimal(bundle.size));
    }
    const Header& header = *reinterpret_cast<const Header*>(bundle.data);
    if (header.magic != manifest::kMagic) {
        return bad("magic", Value::hex(manifest::kMagic), Value::hex(header.magic));
    }
    if (header.version != manifest::kVersion) {
        return bad("version", Value::decimal(manifest::kVersion), Value::decimal(header.version));
    }
    if (header.manifest_size < sizeof(Header) || !whole_pages(header.manifest_size) ||
        header.manifest_size > bundle.size) {
        return bad("size", Value::range("whole pages in", sizeof(Header), bundle.size),
                   Value::decimal(header.manifest_size));
    }
    return check_digest("manifest", header.manifest_digest, digest_of_manifest(bundle, header.manifest_size));
}

Refusal check_parts(Bytes bundle, const Header& header) {
    if (header.bundle_size != bundle.size || !whole_pages(header.bundle_size)) {
        return bad("bundle size", Value::decimal(header.bundle_size), Value::decimal(bundle.size));
    }
    if (header.tables_offset != header.manifest_size || !whole_pages(header.tables_size) ||
        !bundle.holds(header.tables_offset, header.tables_size)) {
        return bad("tables", Value::range("whole pages in", header.manifest_size, bundle.size),
                   Value::range(header.tables_offset, u64{header.tables_offset} + header.tables_size));
    }
    return kHolds;
}

Refusal check_record_tables(const Header& header) {
    constexpr u32 kAny =
        manifest::kMaxPartitions * 4096; // far from any overflow; the real bound is the manifest's size
    SEPTUM_REQUIRE(check_table<manifest::Cpu>(header, "cpus", header.cpus, manifest::kMaxCpus));
    SEPTUM_REQUIRE(check_table<manifest::Partition>(header, "partitions", header.partitions, manifest::kMaxPartitions));
    SEPTUM_REQUIRE(check_table<manifest::Region>(header, "regions", header.regions, kAny));
    SEPTUM_REQUIRE(check_table<manifest::Payload>(header, "payloads", header.payloads, kAny));
    SEPTUM_REQUIRE(check_table<manifest::Channel>(header, "channels", header.channels, manifest::kMaxChannels));
    SEPTUM_REQUIRE(check_table<manifest::PortRule>(header, "ports", header.ports, kAny));
    SEPTUM_REQUIRE(check_table<manifest::MsrRule>(header, "msrs", header.msrs, kAny));
    SEPTUM_REQUIRE(check_table<manifest::CpuidRule>(header, "cpuid", header.cpuid, kAny));
    SEPTUM_REQUIRE(check_table<manifest::Fact>(header, "facts", header.facts, kAny));
    SEPTUM_REQUIRE(check_table<Range>(header, "ram", header.ram, kAny));
    if (header.cpus.count == 0 || header.partitions.count == 0) {
        return bad("cpus and partitions", Value::text("at least one of each"), Value::decimal(0));
    }
    return kHolds;
}

Refusal check_range(const char* what, const Range& range) {
    if (!whole_pages(range.base.value) || !whole_pages(range.size) || range.size == 0 || range.size > kAddressLimit ||
        range.base.value > kAddressLimit - range.size) {
        return bad(what, Value::range("whole pages in", 0, kAddressLimit),
                   Value::range(range.base.value, range.base.value + range.size));
    }
    return kHolds;
}

Refusal check_places(const Header& header, const Range& kernel) {
    const Range bundle{header.bundle_base, header.bundle_size};
    const Range trampoline{header.trampoline, kPageSize};
    const struct {
        const char* name;
        const Range& range;
    } places[] = {
        {"kernel", header.kernel}, {"bundle", bundle}, {"workspace", header.workspace}, {"trampoline", trampoline}};
    for (const auto& place : places) {
        SEPTUM_REQUIRE(check_range(place.name, place.range));
        for (const auto& other : places) {
            if (&place != &other &&
                overlap(place.range.base.value, place.range.size, other.range.base.value, other.range.size)) {
                return bad(place.name, Value::text("a place of its own"), Value::text(other.name));
            }
        }
    }
    if (header.kernel.base != kernel.base || header.kernel.size != kernel.size) {
        return bad("kernel", Value::range(header.kernel.base.value, header.kernel.base.value + header.kernel.size),
                   Value::range(kernel.base.value, kernel.base.value + kernel.size));
    }
    if (header.trampoline.value >= kMiB || header.trampoline.value == 0) {
        return bad("trampoline", Value::range(kPageSize, kMiB), Value::hex(header.trampoline.value));
    }
    for (const auto& range : records<Range>(header, header.ram)) {
        SEPTUM_REQUIRE(check_range("ram", range));
    }
    return kHolds;
}

// [address, address + size) is page aligned and lies in the sealed tables.
Refusal check_in_tables(const Header& header, const char* what, Hpa address, u64 size) {
    const u64 base = header.bundle_base.value + header.tables_offset;
    const u64 offset = address.value - base;
    if (address.value < base || !whole_pages(address.value) || offset > header.tables_size ||
        size > header.tables_size - offset) {
        return bad(what, Value::range("a page in", base, base + header.tables_size), Value::hex(address.value));
    }
    return kHolds;
}

Refusal check_block(const Header& header, const char* what, Hpa block, u64 size) {
    const u64 offset = block.value - header.workspace.base.value;
    if (block < header.workspace.base || !whole_pages(block.value) || offset > header.workspace.size ||
        size > header.workspace.size - offset) {
        return bad(what,
                   Value::range("a block in", header.workspace.base.value,
                                header.workspace.base.value + header.workspace.size),
                   Value::hex(block.value));
    }
    return kHolds;
}

// The partition's CPUs are numbered as they lie, and are nobody else's.
Refusal check_own_cpus(const Header& header, const manifest::Partition& partition, u64 index) {
    const auto cpus = records<manifest::Cpu>(header, header.cpus);
    if (partition.cpu_count == 0) {
        return bad("partition cpus", Value::text("at least one"), Value::decimal(0));
    }
    for (u64 i = 0; i < partition.cpu_count; i++) {
        const manifest::Cpu& cpu = cpus[partition.first_cpu + i];
        if (cpu.partition != index || cpu.vcpu != i) {
            return bad("cpu of a partition", Value::decimal(index), Value::decimal(cpu.partition));
        }
    }
    return kHolds;
}

// What the kernel scrubs and fills at every launch is the partition's alone, and never the kernel's own.
Refusal check_own_memory(const Header& header, const manifest::Partition& partition) {
    const Range taken[] = {header.kernel, header.workspace, {header.bundle_base, header.bundle_size},
                           {header.trampoline, kPageSize}};
    const auto regions = records<manifest::Region>(header, header.regions);
    for (u64 i = 0; i < partition.regions.count; i++) {
        const manifest::Region& region = regions[partition.regions.first + i];
        SEPTUM_REQUIRE(check_range("region", {region.hpa, region.size}));
        for (const auto& other : taken) {
            if (overlap(region.hpa.value, region.size, other.base.value, other.size)) {
                return bad("region", Value::text("memory that is not the kernel's"),
                           Value::range(region.hpa.value, region.hpa.value + region.size));
            }
        }
    }
    const auto payloads = records<manifest::Payload>(header, header.payloads);
    for (u64 i = 0; i < partition.payloads.count; i++) {
        const manifest::Payload& payload = payloads[partition.payloads.first + i];
        bool inside = false;
        for (u64 j = 0; j < partition.regions.count; j++) {
            const manifest::Region& region = regions[partition.regions.first + j];
            const u64 offset = payload.hpa.value - region.hpa.value; // wraps past the size when it lies before
            inside = inside || (region.kind == manifest::RegionKind::ram && offset <= region.size &&
                                payload.size <= region.size - offset);
        }
        if (!inside) {
            return bad("payload", Value::text("a place in its partition's memory"), Value::hex(payload.hpa.value));
        }
    }
    return kHolds;
}

Refusal check_partition(const Header& header, const manifest::Partition& partition, u64 index) {
    const manifest::Slice cpus{partition.first_cpu, partition.cpu_count};
    SEPTUM_REQUIRE(check_slice("partition cpus", cpus, header.cpus, manifest::kMaxCpusPerPartition));
    SEPTUM_REQUIRE(check_slice("partition regions", partition.regions, header.regions));
    SEPTUM_REQUIRE(check_slice("partition payloads", partition.payloads, header.payloads));
    SEPTUM_REQUIRE(check_slice("partition ports", partition.ports, header.ports, manifest::kMaxPortRules));
    SEPTUM_REQUIRE(check_slice("partition msrs", partition.msrs, header.msrs, manifest::kMaxMsrRules));
    SEPTUM_REQUIRE(check_slice("partition cpuid", partition.cpuid, header.cpuid, manifest::kMaxCpuidRules));
    SEPTUM_REQUIRE(check_in_tables(header, "nested page tables", partition.npt_root, kPageSize));
    SEPTUM_REQUIRE(check_in_tables(header, "I/O permission map", partition.iopm, 3 * kPageSize));
    SEPTUM_REQUIRE(check_in_tables(header, "MSR permission map", partition.msrpm, 2 * kPageSize));
    SEPTUM_REQUIRE(check_in_tables(header, "VMCB template", partition.vmcb_boot, kPageSize));
    SEPTUM_REQUIRE(check_in_tables(header, "VMCB template", partition.vmcb_ap, kPageSize));
    SEPTUM_REQUIRE(check_own_cpus(header, partition, index));
    SEPTUM_REQUIRE(check_own_memory(header, partition));
    return check_block(header, "partition block", partition.block, layout::PartitionBlock::kSize);
}

Refusal check_cpus(const Header& header) {
    const auto cpus = records<manifest::Cpu>(header, header.cpus);
    for (u64 i = 0; i < cpus.count; i++) {
        if (cpus[i].partition >= header.partitions.count && cpus[i].partition != manifest::kNobody) {
            return bad("cpu partition", Value::range(0, header.partitions.count), Value::decimal(cpus[i].partition));
        }
        SEPTUM_REQUIRE(check_block(header, "cpu block", cpus[i].block, layout::CpuBlock::kSize));
        for (u64 j = 0; j < i; j++) {
            if (cpus[j].apic_id == cpus[i].apic_id || cpus[j].block == cpus[i].block) {
                return bad("cpu", Value::text("an APIC id and a block of its own"), Value::decimal(cpus[i].apic_id));
            }
        }
    }
    return kHolds;
}

u64 page_end(const manifest::Payload& payload) {
    return (u64{payload.offset} + payload.size + kPageSize - 1) / kPageSize * kPageSize;
}

Refusal check_payload(const Header& header, const manifest::Payload& payload) {
    const u64 begin = u64{header.tables_offset} + header.tables_size;
    if (payload.offset < begin || !whole_pages(payload.offset) || page_end(payload) > header.bundle_size) {
        return bad("payload", Value::range("whole pages in", begin, header.bundle_size),
                   Value::range(payload.offset, u64{payload.offset} + payload.size));
    }
    return kHolds;
}

Refusal check_iommu(const Header& header) {
    const auto& iommu = header.iommu;
    if (iommu.kind == manifest::IommuKind::none) {
        return kHolds;
    }
    SEPTUM_REQUIRE(check_block(header, "iommu queue", iommu.queue, kPageSize));
    SEPTUM_REQUIRE(check_block(header, "iommu log", iommu.log, 2 * kPageSize));
    if (iommu.kind == manifest::IommuKind::amd_vi) {
        SEPTUM_REQUIRE(check_range("iommu registers", {iommu.registers, amd_vi::kRegisters}));
        return check_in_tables(header, "iommu device table", iommu.root_table,
                               amd_vi::kDeviceTablePages * kPageSize);
    }
    if (iommu.kind != manifest::IommuKind::vt_d) {
        return bad("iommu kind", Value::range(0, 3), Value::decimal(static_cast<u64>(iommu.kind)));
    }
    SEPTUM_REQUIRE(check_range("iommu registers", {iommu.registers, kPageSize}));
    SEPTUM_REQUIRE(check_in_tables(header, "iommu root table", iommu.root_table, kPageSize));
    const u64 entries = iommu.interrupt_table_entries;
    if (entries < 256 || entries > 65536 || (entries & (entries - 1)) != 0) { // whole pages, VT-d §11.4.5.6
        return bad("interrupt table entries", Value::range("a power of two in", 256, 65537), Value::decimal(entries));
    }
    return check_in_tables(header, "interrupt table", iommu.interrupt_table, entries * 16);
}

// What the kernel writes for a device at run time lies inside the tables made for it.
Refusal check_interrupt_entries(const Header& header, const manifest::Device& device) {
    if (device.partition >= header.partitions.count) {
        return bad("device owner", Value::range(0, header.partitions.count), Value::decimal(device.partition));
    }
    if (device.handles == 0) {
        return kHolds;
    }
    if (header.iommu.kind == manifest::IommuKind::amd_vi) {
        const u64 size = amd_vi::wide_entries(header.iommu) ? 16 : 4;
        const u64 pages = (device.handles * size + kPageSize - 1) / kPageSize;
        return check_in_tables(header, "device interrupt table", device.interrupt_table, pages * kPageSize);
    }
    if (u64{device.first_handle} + device.handles > header.iommu.interrupt_table_entries) {
        return bad("device interrupt entries", Value::range("in", 0, header.iommu.interrupt_table_entries),
                   Value::range(device.first_handle, u64{device.first_handle} + device.handles));
    }
    return kHolds;
}

Refusal check_hardware(const Header& header) {
    if (header.apic != manifest::ApicMode::x2apic && header.apic != manifest::ApicMode::xapic) {
        return bad("apic", Value::range(1, 3), Value::decimal(static_cast<u64>(header.apic)));
    }
    SEPTUM_REQUIRE(check_in_tables(header, "kernel page tables", header.kernel_page_tables, kPageSize));
    SEPTUM_REQUIRE(check_iommu(header));
    for (const auto& device : records<manifest::Device>(header, header.devices)) {
        SEPTUM_REQUIRE(check_interrupt_entries(header, device));
    }
    return kHolds;
}

} // namespace

Refusal check_bundle(Bytes bundle, const Range& kernel) {
    SEPTUM_REQUIRE(check_identity(bundle));
    const Header& header = *reinterpret_cast<const Header*>(bundle.data);
    SEPTUM_REQUIRE(check_parts(bundle, header));
    SEPTUM_REQUIRE(check_record_tables(header));
    SEPTUM_REQUIRE(check_places(header, kernel));
    SEPTUM_REQUIRE(check_cpus(header));
    const auto partitions = records<manifest::Partition>(header, header.partitions);
    for (u64 i = 0; i < partitions.count; i++) {
        SEPTUM_REQUIRE(check_partition(header, partitions[i], i));
    }
    for (const auto& payload : records<manifest::Payload>(header, header.payloads)) {
        SEPTUM_REQUIRE(check_payload(header, payload));
    }
    SEPTUM_REQUIRE(check_devices(header));
    SEPTUM_REQUIRE(check_health(header));
    return check_hardware(header);
}

Refusal check_tables(Bytes bundle) {
    const Header& header = *reinterpret_cast<const Header*>(bundle.data);
    Sha256 hash;
    hash.update(bundle.data + header.tables_offset, header.tables_size);
    return check_digest("tables", header.tables_digest, hash.finish());
}

Refusal check_padding(Bytes bundle) {
    const Header& header = *reinterpret_cast<const Header*>(bundle.data);
    for (const auto& payload : records<manifest::Payload>(header, header.payloads)) {
        for (u64 at = u64{payload.offset} + payload.size; at < page_end(payload); at++) {
            if (bundle.data[at] != 0) {
                return {Code::digest, Value::text("padding at bundle offset"), Value::hex(at), Value::hex(0),
                        Value::hex(bundle.data[at])};
            }
        }
    }
    return kHolds;
}

} // namespace septum::kernel::boot
