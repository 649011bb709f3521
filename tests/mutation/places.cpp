// SPDX-License-Identifier: Apache-2.0
#include "tests/mutation/places.hpp"

#include "verifier/facts/facts.hpp"

namespace septum::mutation {

namespace {

namespace m = manifest;

} // namespace

void Places::pages(std::uint64_t host, std::size_t count, const std::string& name) {
    const std::uint64_t base = header_.bundle_base.value;
    for (std::size_t i = 0; host >= base && i < count; ++i) {
        pages_.emplace((host - base) / 4096 * 4096 + i * 4096, name);
    }
}

Places::Places(const World& world) : header_(Editor(world).header()) {
    const m::Header& h = header_;
    tables_ = {{"manifest: header", 0, sizeof h, 1},
               {"manifest: cpus", h.cpus.offset, sizeof(m::Cpu), h.cpus.count},
               {"manifest: partitions", h.partitions.offset, sizeof(m::Partition), h.partitions.count},
               {"manifest: regions", h.regions.offset, sizeof(m::Region), h.regions.count},
               {"manifest: payloads", h.payloads.offset, sizeof(m::Payload), h.payloads.count},
               {"manifest: channels", h.channels.offset, sizeof(m::Channel), h.channels.count},
               {"manifest: ports", h.ports.offset, sizeof(m::PortRule), h.ports.count},
               {"manifest: msrs", h.msrs.offset, sizeof(m::MsrRule), h.msrs.count},
               {"manifest: cpuid", h.cpuid.offset, sizeof(m::CpuidRule), h.cpuid.count},
               {"manifest: facts", h.facts.offset, sizeof(m::Fact), h.facts.count},
               {"manifest: ram", h.ram.offset, sizeof(m::Range), h.ram.count},
               {"manifest: devices", h.devices.offset, sizeof(m::Device), h.devices.count},
               {"manifest: bars", h.bars.offset, sizeof(m::Bar), h.bars.count},
               {"manifest: pci_registers", h.pci_registers.offset, sizeof(m::PciRegister), h.pci_registers.count},
               {"manifest: bridges", h.bridges.offset, sizeof(m::Bridge), h.bridges.count}};
    const auto read = verifier::read_bundle(world.kernel, world.bundle);
    if (!read.ok()) {
        return;
    }
    const verifier::Facts& facts = *read.value;
    for (const verifier::PartitionFacts& partition : facts.partitions) {
        for (const std::uint64_t page : partition.npt.tables) {
            pages(page, 1, "npt");
        }
        pages(partition.record.iopm.value, 3, "iopm");
        pages(partition.record.msrpm.value, 2, "msrpm");
        pages(partition.record.vmcb_boot.value, 1, "vmcb (boot)");
        pages(partition.record.vmcb_ap.value, 1, "vmcb (ap)");
        for (const verifier::PayloadFact& payload : partition.payloads) {
            payloads_.emplace(payload.offset, std::pair(payload.size, "payload of " + partition.name));
        }
    }
    for (const std::uint64_t page : facts.kernel.page_table.tables) {
        pages(page, 1, "kernel page tables");
    }
    const m::Iommu& unit = h.iommu;
    if (unit.kind == m::IommuKind::amd_vi) {
        pages(unit.root_table.value, 512, "amd-vi device table");
    } else if (unit.kind == m::IommuKind::vt_d) {
        pages(unit.root_table.value, 1, "vt-d root table");
        pages(unit.interrupt_table.value, (unit.interrupt_table_entries * 16 + 4095) / 4096, "vt-d interrupt table");
    }
    for (const m::Device& device : facts.manifest.devices) {
        if (device.interrupt_table.value != 0) {
            pages(device.interrupt_table.value, 1, "amd-vi interrupt table");
        }
    }
    for (const std::uint64_t page : facts.devices.written_pages) {
        pages(page, 1, "context table");
    }
}

Place Places::in_bundle(std::size_t at) const {
    for (const Table& table : tables_) {
        if (at >= table.offset && at - table.offset < table.record * table.count) {
            return {table.name, (at - table.offset) % table.record};
        }
    }
    if (at < header_.manifest_size) {
        return {"manifest: between", at};
    }
    if (at < header_.tables_offset + header_.tables_size) {
        const auto found = pages_.find(at / 4096 * 4096);
        return {found == pages_.end() ? "tables: other (DMA)" : found->second, at % 4096};
    }
    auto after = payloads_.upper_bound(at);
    if (after != payloads_.begin()) {
        --after;
        if (at - after->first < after->second.first) {
            return {after->second.second, at - after->first};
        }
    }
    return {"behind payloads", at};
}

Place Places::in_kernel(std::size_t at) const {
    const std::size_t in_segments = 4096; // world.cpp puts headers into the first page
    return at < in_segments ? Place{"kernel: headers", at} : Place{"kernel: segments", at - in_segments};
}

} // namespace septum::mutation
