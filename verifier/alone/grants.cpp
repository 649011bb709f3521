// SPDX-License-Identifier: Apache-2.0
#include "verifier/grants.hpp"

#include "verifier/alone/grant_parts.hpp"
#include "verifier/facts/facts.hpp"
#include "verifier/properties/shared/kernel_ranges.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

std::vector<MemoryGrant> memory(const std::vector<Interval>& intervals) {
    std::vector<MemoryGrant> out;
    for (const Interval& interval : intervals) {
        MemoryGrant grant{interval.gpa, interval.hpa, interval.size, access_text(interval.access),
                          decode::name(interval.type)};
        // The decoder keeps runs of different page sizes apart; a grant is the same whatever pages make it.
        if (!out.empty() && out.back().gpa + out.back().size == grant.gpa &&
            out.back().hpa + out.back().size == grant.hpa && out.back().access == grant.access &&
            out.back().type == grant.type) {
            out.back().size += grant.size;
        } else {
            out.push_back(std::move(grant));
        }
    }
    return out;
}

template <typename Run>
std::vector<NumberRange> numbers(const std::vector<Run>& runs) {
    std::vector<NumberRange> out;
    for (const Run& run : runs) {
        if (!out.empty() && out.back().last + 1 == run.first) {
            out.back().last = run.last;
        } else {
            out.push_back({run.first, run.last});
        }
    }
    return out;
}

PartitionGrants partition_grants(const PartitionFacts& facts) {
    PartitionGrants out;
    out.name = facts.name;
    out.asid = facts.record.asid;
    for (const manifest::Cpu& cpu : facts.cpus) {
        out.apic_ids.push_back(cpu.apic_id);
    }
    out.memory = memory(facts.npt.intervals);
    out.ports = numbers(facts.iopm.granted);
    out.msr_reads = numbers(facts.msrpm.reads);
    out.msr_writes = numbers(facts.msrpm.writes);
    out.console = facts.record.console != 0;
    out.halts_system = std::find(std::begin(facts.record.on), std::end(facts.record.on),
                                 manifest::OnFault::halt_system) != std::end(facts.record.on);
    return out;
}

const char* unit_name(manifest::IommuKind kind) {
    switch (kind) {
    case manifest::IommuKind::vt_d:
        return "vt-d";
    case manifest::IommuKind::amd_vi:
        return "amd-vi";
    case manifest::IommuKind::none:
        break;
    }
    return "none";
}

void add_owners(const decode::Manifest& manifest, Grants& out) {
    for (const manifest::Device& device : manifest.devices) {
        if (device.bdf != manifest::kNobody && device.partition < out.partitions.size()) {
            out.partitions[device.partition].devices.push_back(owned_device(device, manifest));
        }
    }
    for (PartitionGrants& partition : out.partitions) {
        std::sort(partition.devices.begin(), partition.devices.end(),
                  [](const OwnedDevice& a, const OwnedDevice& b) { return a.requester < b.requester; });
    }
}

void add_devices(const DeviceFacts& devices, Grants& out) {
    if (!devices.present) {
        return;
    }
    for (const decode::RequesterInterval& interval : devices.dma.requesters) {
        RequesterGrants grant;
        grant.ids = {interval.first, interval.last};
        grant.state = decode::name(interval.state);
        if (interval.state == decode::DmaState::translated && interval.domain < devices.dma.domains.size()) {
            grant.domain = devices.dma.domains[interval.domain].id;
        }
        if (!out.requesters.empty() && out.requesters.back().ids.last + 1 == grant.ids.first &&
            out.requesters.back().state == grant.state && out.requesters.back().domain == grant.domain) {
            out.requesters.back().ids.last = grant.ids.last;
        } else {
            out.requesters.push_back(std::move(grant));
        }
    }
    for (const decode::DmaDomain& domain : devices.dma.domains) {
        out.domains.push_back({domain.id, memory(domain.reach), domain.device_tlb});
    }
    std::sort(out.domains.begin(), out.domains.end(),
              [](const DomainGrants& a, const DomainGrants& b) { return a.id < b.id; });
}

// One function or the watchdog, as the manifest has it: what of it the tables hold.
void add_interrupts(const DeviceFacts& devices, InterruptGrants limits, std::uint64_t first, std::uint64_t count,
                    Grants& out) {
    std::vector<InterruptGrants> found;
    const auto entry = [&](std::uint32_t index, bool exact, bool present) {
        if (index < first || index - first >= count) {
            return;
        }
        InterruptGrants one = limits;
        one.entries = {index, index};
        one.exact = exact;
        one.present = present;
        found.push_back(std::move(one));
    };
    for (const decode::ReservedHandle& handle : devices.interrupts.reserved) {
        if (handle.source == limits.requester) {
            entry(handle.index, handle.source_check == 1 && handle.qualifier == 0, false);
        }
    }
    for (const decode::InterruptEntry& each : devices.interrupts.present) {
        if (each.source == limits.requester) {
            entry(each.index, each.source_check == 1 && each.qualifier == 0, true);
        }
    }
    for (const decode::DeviceInterruptTable& table : devices.interrupt_tables) {
        for (std::uint32_t index = 0; table.base == limits.table && index < table.entries; ++index) {
            const bool enabled = std::any_of(table.enabled.begin(), table.enabled.end(),
                                             [&](const decode::InterruptEntry& each) { return each.index == index; });
            entry(index, table.requester == limits.requester, enabled);
        }
    }
    std::sort(found.begin(), found.end(),
              [](const InterruptGrants& a, const InterruptGrants& b) { return a.entries.first < b.entries.first; });
    const std::size_t begin = out.interrupts.size();
    for (InterruptGrants& one : found) {
        if (out.interrupts.size() > begin && out.interrupts.back().entries.last + 1 == one.entries.first &&
            out.interrupts.back().exact == one.exact && out.interrupts.back().present == one.present) {
            out.interrupts.back().entries.last = one.entries.last;
        } else {
            out.interrupts.push_back(std::move(one));
        }
    }
}

void add_interrupts(const Facts& facts, Grants& out) {
    constexpr NumberRange kFree{32, 0xFF}; // those below are the processor's (APM 2 §8.2)
    const manifest::Header& h = facts.manifest.header;
    for (const manifest::Device& device : facts.manifest.devices) {
        if (device.bdf == manifest::kNobody || device.partition >= out.partitions.size()) {
            continue;
        }
        const PartitionGrants& owner = out.partitions[device.partition];
        const bool amd = h.iommu.kind == manifest::IommuKind::amd_vi;
        add_interrupts(facts.devices,
                       {.table = amd ? device.interrupt_table.value : h.iommu.interrupt_table.value,
                        .entries = {},
                        .requester = device.bdf,
                        .owner = owner.name,
                        .apic_ids = owner.apic_ids,
                        .vectors = kFree,
                        .delivery = "fixed"},
                       device.first_handle, device.handles, out);
    }
    if (h.watchdog.kind != manifest::WatchdogKind::none && h.watchdog.handle != ~0U) {
        add_interrupts(facts.devices,
                       {.table = h.iommu.interrupt_table.value,
                        .entries = {},
                        .requester = h.watchdog.requester,
                        .owner = "the kernel",
                        .apic_ids = {h.watchdog.apic_id},
                        .vectors = {0, 0xFF}, // an NMI has none
                        .delivery = "nmi"},
                       h.watchdog.handle, 1, out);
    }
}

std::string name_of(const Facts& facts, std::uint16_t index) {
    return index < facts.partitions.size() ? facts.partitions[index].name : "nobody";
}

std::string range_list(const std::vector<NumberRange>& ranges, const char* nothing) {
    std::string out;
    for (const NumberRange& range : ranges) {
        out += (out.empty() ? "" : ", ") + ports_text(range.first, range.last);
    }
    return out.empty() ? nothing : out;
}

bool reaches_log(const Grants& grants, const MemoryGrant& memory) {
    return std::any_of(grants.places.begin(), grants.places.end(), [&](const NamedPlace& place) {
        return place.name == kEventLogPlace && place.base < memory.hpa + memory.size &&
               memory.hpa < place.base + place.size;
    });
}

} // namespace

config::Outcome<Grants> read_grants(std::span<const std::uint8_t> image) {
    config::Outcome<Grants> outcome;
    auto read = read_image(image);
    if (!read.ok()) {
        outcome.diagnostics = std::move(read.diagnostics);
        return outcome;
    }
    const Facts& facts = *read.value;
    Grants out;
    out.appliance = decode::text(facts.manifest.header.name);
    out.board = decode::text(facts.manifest.header.board);
    out.unit = unit_name(facts.devices.record.kind);
    for (const PartitionFacts& partition : facts.partitions) {
        out.partitions.push_back(partition_grants(partition));
    }
    for (const manifest::Channel& channel : facts.manifest.channels) {
        out.channels.push_back({decode::text(channel.name), name_of(facts, channel.writer),
                                name_of(facts, channel.reader), channel.memory.base.value, channel.memory.size,
                                channel.doorbell != 0, channel.doorbell != 0 && channel.vector != 0});
    }
    add_owners(facts.manifest, out);
    add_devices(facts.devices, out);
    add_interrupts(facts, out);
    add_answers(facts, out);
    add_board(facts, out);
    for (const OwnRange& range : kernel_ranges(facts)) {
        out.kernel.push_back({range.name, range.base, range.size});
    }
    std::sort(out.kernel.begin(), out.kernel.end(), [](const PrivateRange& a, const PrivateRange& b) {
        return std::tie(a.base, a.name) < std::tie(b.base, b.name);
    });
    out.image_digest = std::to_array(facts.image->digest.bytes);
    out.kernel_digest = std::to_array(facts.kernel.file_digest.bytes);
    out.bundle_digest = std::to_array(sha256(facts.image->bundle).bytes);
    out.image_size = image.size();
    outcome.value = std::move(out);
    return outcome;
}

std::string grants_text(const Grants& grants) {
    std::string text = fmt::format("appliance `{}` for board `{}`\n", grants.appliance, grants.board);
    for (const PartitionGrants& partition : grants.partitions) {
        text += fmt::format("\npartition `{}`\n", partition.name);
        std::string cpus;
        for (const std::uint32_t id : partition.apic_ids) {
            cpus += (cpus.empty() ? "" : ", ") + std::to_string(id);
        }
        text += fmt::format("  CPUs      APIC id {}\n", cpus.empty() ? "none" : cpus);
        for (const MemoryGrant& grant : partition.memory) {
            text += fmt::format("  memory    {:<25}  host {:<25}  {}  {:>9}  {}{}\n",
                                range(grant.gpa, grant.gpa + grant.size), range(grant.hpa, grant.hpa + grant.size),
                                grant.access, bytes_text(grant.size), grant.type,
                                reaches_log(grants, grant) ? ", the event log: everybody flows here" : "");
        }
        text += fmt::format("  ports     {}\n", range_list(partition.ports, "none"));
        text += fmt::format("  MSRs      read {}\n", range_list(partition.msr_reads, "none"));
        text += fmt::format("            write {}\n", range_list(partition.msr_writes, "none"));
        if (partition.halts_system) {
            text += "  faults    may halt the system, which everybody notices\n";
        }
        for (const OwnedDevice& device : partition.devices) {
            text += fmt::format("  device    {}  `{}`\n", requester_text(device.requester), device.name);
        }
    }
    if (!grants.channels.empty()) {
        text += "\nchannels\n";
    }
    for (const ChannelGrants& channel : grants.channels) {
        text += fmt::format("  {} → {}  `{}`  host {}, {}{}\n", channel.from, channel.to, channel.name,
                            range(channel.base, channel.base + channel.size), bytes_text(channel.size),
                            channel.doorbell ? ", doorbell" : "");
    }
    text += "\ndevices\n";
    if (grants.unit == "none") {
        text += "  no IOMMU: the kernel keeps all bus masters off\n";
    }
    for (const RequesterGrants& grant : grants.requesters) {
        text += fmt::format("  requesters {}..{}  {}", requester_text(grant.ids.first), requester_text(grant.ids.last),
                            grant.state);
        text += grant.state == "translated" ? fmt::format(", domain {}\n", grant.domain) : "\n";
    }
    for (const InterruptGrants& grant : grants.interrupts) {
        text += fmt::format(
            "  interrupts {}  entries {}..{} of the table at {}, of `{}`: {} to APIC id {}{}\n",
            requester_text(grant.requester), grant.entries.first, grant.entries.last, address(grant.table), grant.owner,
            grant.delivery == "fixed" ? fmt::format("vectors {:#x}..{:#x}", grant.vectors.first, grant.vectors.last)
                                      : grant.delivery,
            fmt::join(grant.apic_ids, ", "), grant.exact ? "" : ", and others may use them");
    }
    for (const DomainGrants& domain : grants.domains) {
        for (const MemoryGrant& grant : domain.memory) {
            text += fmt::format("  domain {}  {:<25}  host {:<25}  {}  {}\n", domain.id,
                                range(grant.gpa, grant.gpa + grant.size), range(grant.hpa, grant.hpa + grant.size),
                                grant.access, bytes_text(grant.size));
        }
    }
    text += "\nthe kernel's own\n";
    for (const PrivateRange& own : grants.kernel) {
        text += fmt::format("  {:<25}  {}\n", range(own.base, own.base + own.size), own.name);
    }
    return text;
}

} // namespace septum::verifier
