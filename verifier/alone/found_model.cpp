// SPDX-License-Identifier: Apache-2.0
#include "verifier/alone/found_model.hpp"

#include <algorithm>

namespace septum::verifier {

namespace {

config::BootKind boot_kind(manifest::BootKind kind) {
    switch (kind) {
    case manifest::BootKind::linux:
        return config::BootKind::linux;
    case manifest::BootKind::pvh:
        return config::BootKind::pvh;
    case manifest::BootKind::multiboot:
        return config::BootKind::multiboot;
    case manifest::BootKind::elf64:
        break;
    }
    return config::BootKind::elf64;
}

config::FaultAction fault_action(manifest::OnFault action) {
    switch (action) {
    case manifest::OnFault::restart:
        return config::FaultAction::restart;
    case manifest::OnFault::halt_system:
        return config::FaultAction::halt_system;
    case manifest::OnFault::stop:
        break;
    }
    return config::FaultAction::stop;
}

config::BoardIommu unit_kind(manifest::IommuKind kind) {
    switch (kind) {
    case manifest::IommuKind::vt_d:
        return config::BoardIommu::vt_d;
    case manifest::IommuKind::amd_vi:
        return config::BoardIommu::amd_vi;
    case manifest::IommuKind::none:
        break;
    }
    return config::BoardIommu::none;
}

config::DeviceReset reset_kind(manifest::ResetKind kind) {
    switch (kind) {
    case manifest::ResetKind::flr:
        return config::DeviceReset::flr;
    case manifest::ResetKind::af_flr:
        return config::DeviceReset::af_flr;
    case manifest::ResetKind::power:
        return config::DeviceReset::power;
    case manifest::ResetKind::bus:
        return config::DeviceReset::bus;
    case manifest::ResetKind::none:
        break;
    }
    return config::DeviceReset::none;
}

config::Partition found_partition(const PartitionFacts& facts) {
    config::Partition out;
    out.name.value = facts.name;
    out.cpu_count = facts.record.cpu_count;
    for (const manifest::Region& region : facts.regions) {
        if (region.kind == manifest::RegionKind::ram) {
            out.memory.value += region.size;
        }
    }
    out.boot.kind = boot_kind(facts.record.boot);
    out.console = facts.record.console != 0;
    out.event_log = facts.record.event_log != 0;
    out.on_fault.attempts = facts.record.restart_limit;
    out.on_fault.backoff_ms = facts.record.backoff_ms;
    for (std::size_t cause = 0; cause < config::kCauses; ++cause) {
        out.on_fault.by_cause[cause] = fault_action(facts.record.on[cause]);
    }
    out.on_fault.action = out.on_fault.by_cause[0];
    return out;
}

// A function as the image describes it: what it is on the board nobody says here.
config::BoardPciFunction found_function(const manifest::Device& record, const decode::Manifest& manifest) {
    config::BoardPciFunction out;
    out.name.value = decode::text(record.name);
    out.bdf = record.bdf;
    out.reset = reset_kind(record.reset);
    out.group.value = 0x1'0000U + record.bdf; // which can't be kept apart no byte tells
    out.assignable = true;
    for (const manifest::Bar& bar : manifest.bars_of(record)) {
        config::BoardBar found;
        found.number = bar.number;
        found.base.value = bar.memory.base.value;
        found.size.value = bar.memory.size;
        found.is_64 = (bar.flags & manifest::kBar64) != 0;
        found.prefetchable = (bar.flags & manifest::kBarPrefetchable) != 0;
        out.bars.push_back(found);
    }
    out.msi.at = record.msi_at;
    out.msi.vectors = static_cast<std::uint8_t>(record.msi_at != 0 ? record.handles : 0);
    out.msi.is_64 = (record.msi_flags & manifest::kMsi64) != 0;
    out.msi.maskable = (record.msi_flags & manifest::kMsiMaskable) != 0;
    out.msix.at = record.msix_at;
    out.msix.entries = static_cast<std::uint16_t>(record.msix_entries);
    out.msix.table_bar = record.msix_bar < manifest.bars.size() ? manifest.bars[record.msix_bar].number : 0;
    out.msix.table_offset = record.msix_offset;
    return out;
}

} // namespace

config::Model found_model(const Facts& facts) {
    const manifest::Header& header = facts.manifest.header;
    config::Model model;
    model.name.value = decode::text(header.name);
    model.board.name.value = decode::text(header.board);
    model.board.apic.value = header.apic == manifest::ApicMode::xapic ? config::Apic::xapic : config::Apic::x2apic;
    model.board.iommu.kind = unit_kind(header.iommu.kind);
    model.board.iommu.registers.value = header.iommu.registers.value;
    for (const manifest::Cpu& cpu : facts.manifest.cpus) {
        config::BoardCpu found;
        found.apic_id.value = cpu.apic_id;
        found.core = static_cast<std::uint32_t>(model.board.cpus.size()); // which are siblings no byte tells
        model.board.cpus.push_back(found);
    }
    for (const PartitionFacts& partition : facts.partitions) {
        model.partitions.push_back(found_partition(partition));
        config::Partition& owner = model.partitions.back();
        for (const manifest::Device& record : facts.manifest.devices_of(partition.record)) {
            if (record.bdf != manifest::kNobody) {
                owner.devices.push_back({decode::text(record.name), {}});
                owner.device_indices.push_back(model.board.pci.size());
                model.board.pci.push_back(found_function(record, facts.manifest));
            }
        }
    }
    for (const manifest::Channel& record : facts.manifest.channels) {
        config::Channel channel;
        channel.name.value = decode::text(record.name);
        channel.from.value = record.writer;
        channel.to.value = record.reader;
        channel.size.value = record.memory.size;
        channel.doorbell = record.doorbell != 0;
        model.channels.push_back(channel);
    }
    return model;
}

} // namespace septum::verifier
