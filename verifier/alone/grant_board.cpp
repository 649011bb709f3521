// SPDX-License-Identifier: Apache-2.0
#include "verifier/alone/grant_parts.hpp"

#include "verifier/properties/shared/wording.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// An entry that was put there for one of the manifest's devices, or for the watchdog: add_interrupts lists those.
bool is_listed(const Facts& facts, const decode::InterruptEntry& entry) {
    const manifest::Watchdog& watchdog = facts.manifest.header.watchdog;
    if (watchdog.kind != manifest::WatchdogKind::none && watchdog.handle == entry.index &&
        watchdog.requester == entry.source) {
        return true;
    }
    return std::any_of(
        facts.manifest.devices.begin(), facts.manifest.devices.end(), [&](const manifest::Device& device) {
            return device.bdf == entry.source && device.bdf != manifest::kNobody &&
                   entry.index >= device.first_handle && entry.index - device.first_handle < device.handles;
        });
}

void add_strays(const Facts& facts, Grants& out) {
    const auto add = [&](const decode::InterruptEntry& entry, bool from_anybody) {
        if (!is_listed(facts, entry)) {
            out.strays.push_back(
                {entry.source, entry.index,
                 fmt::format("vector {:#x}, delivery {}, destination {:#x}{}", entry.vector, entry.delivery,
                             entry.destination, from_anybody ? ", from anybody" : "")});
        }
    };
    for (const decode::InterruptEntry& entry : facts.devices.interrupts.present) {
        add(entry, entry.source_check != 1 || entry.qualifier != 0);
    }
    for (const decode::DeviceInterruptTable& table : facts.devices.interrupt_tables) {
        for (const decode::InterruptEntry& entry : table.enabled) {
            add(entry, false);
        }
    }
    for (const decode::InterruptRoute& route : facts.devices.routes) {
        if (route.state != decode::InterruptState::blocked && route.state != decode::InterruptState::remapped) {
            out.routes.push_back({{route.first, route.last}, decode::name(route.state)});
        }
    }
}

void add_places(const Facts& facts, Grants& out) {
    for (const PartitionFacts& partition : facts.partitions) {
        for (const manifest::Region& region : partition.regions) {
            if (region.kind == manifest::RegionKind::ram) {
                out.places.push_back({"RAM of " + ticked(partition.name), region.hpa.value, region.size});
            }
        }
    }
    for (const manifest::Channel& channel : facts.manifest.channels) {
        out.places.push_back(
            {"channel " + ticked(decode::text(channel.name)), channel.memory.base.value, channel.memory.size});
    }
    for (const manifest::Bar& bar : facts.manifest.bars) {
        if (bar.device < facts.manifest.devices.size()) {
            out.places.push_back(
                {fmt::format("BAR {} of {}", bar.number, requester_text(facts.manifest.devices[bar.device].bdf)),
                 bar.memory.base.value, bar.memory.size});
        }
    }
    const manifest::Range& log = facts.manifest.header.event_log;
    if (log.size != 0) {
        out.places.push_back({kEventLogPlace, log.base.value, log.size});
    }
    std::sort(out.places.begin(), out.places.end(), [](const NamedPlace& a, const NamedPlace& b) {
        return std::tie(a.base, a.size, a.name) < std::tie(b.base, b.size, b.name);
    });
}

std::string fact_text(const manifest::Fact& fact) {
    const auto value = [&](const char* what, const char* relation) {
        return fmt::format("{} & {:#x} {} {:#x}", what, fact.mask, relation, fact.expected);
    };
    constexpr const char* kRegisters[] = {"EAX", "EBX", "ECX", "EDX"};
    const std::string leaf =
        fmt::format("CPUID {:#x}.{} {}", fact.a, fact.b, fact.index < 4 ? kRegisters[fact.index] : "?");
    const std::string msr = fmt::format("MSR {:#x}", fact.a);
    switch (fact.kind) {
    case manifest::FactKind::cpuid_bits:
        return value(leaf.c_str(), "=");
    case manifest::FactKind::cpuid_at_least:
        return value(leaf.c_str(), ">=");
    case manifest::FactKind::msr_bits:
        return value(msr.c_str(), "=");
    case manifest::FactKind::msr_at_least:
        return value(msr.c_str(), ">=");
    case manifest::FactKind::pci_function:
        return fmt::format("{} is {:04x}:{:04x}", requester_text(fact.a), fact.expected & 0xFFFF,
                           fact.expected >> 16 & 0xFFFF);
    case manifest::FactKind::pci_bits:
        return value(fmt::format("{} + {:#x}", requester_text(fact.a), fact.b).c_str(), "=");
    }
    return fmt::format("fact {}", static_cast<unsigned>(fact.kind));
}

void add_contract(const Facts& facts, Grants& out) {
    const manifest::Header& h = facts.manifest.header;
    for (const manifest::Fact& fact : facts.manifest.facts) {
        out.contract.push_back(fact_text(fact));
    }
    if (h.iommu.kind != manifest::IommuKind::none) {
        out.contract.push_back("an IOMMU at " + address(h.iommu.registers.value));
        out.contract.push_back(fmt::format("of the IOMMU, capability & {:#x} = {:#x}", h.iommu.capability_mask,
                                           h.iommu.capability & h.iommu.capability_mask));
        out.contract.push_back(fmt::format("of the IOMMU, extended capability & {:#x} = {:#x}", h.iommu.extended_mask,
                                           h.iommu.extended & h.iommu.extended_mask));
    }
    std::sort(out.contract.begin(), out.contract.end());
    out.contract.erase(std::unique(out.contract.begin(), out.contract.end()), out.contract.end());
}

} // namespace

void add_board(const Facts& facts, Grants& out) {
    add_strays(facts, out);
    for (const manifest::Bridge& bridge : facts.manifest.bridges) {
        out.bridges.push_back({bridge.bdf, bridge.acs != 0, bridge.window.size, bridge.prefetchable.size});
    }
    add_places(facts, out);
    add_contract(facts, out);
}

} // namespace septum::verifier
