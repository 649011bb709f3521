// SPDX-License-Identifier: Apache-2.0
#include "build/plan/devices.hpp"

#include <septum/guest/board.hpp>
#include <septum/manifest/layout.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace septum::build {
namespace {

using config::Diagnostic;
using config::Span;

constexpr std::uint64_t kMsixEntrySize = 16;
constexpr std::uint16_t kMostVirtualDevices = 31; // of bus 0, but for the host bridge

Diagnostic& add_error(std::vector<Diagnostic>& diagnostics, std::string id, std::string message, Span primary,
                      std::string label) {
    Diagnostic d;
    d.id = std::move(id);
    d.message = std::move(message);
    d.primary = primary;
    d.label = std::move(label);
    diagnostics.push_back(std::move(d));
    return diagnostics.back();
}

Span span_of(const config::Partition& partition, std::size_t device) {
    return device < partition.devices.size() ? partition.devices[device].span : partition.name.span;
}

// Who owns a function of the board, by index into Board::pci.
struct Owner {
    std::size_t partition = 0;
    Span span;
};
using Owners = std::map<std::size_t, Owner>;

Owners owners_of(const config::Model& model, std::vector<Diagnostic>& diagnostics) {
    Owners owners;
    for (std::size_t p = 0; p < model.partitions.size(); ++p) {
        const auto& partition = model.partitions[p];
        for (std::size_t d = 0; d < partition.device_indices.size(); ++d) {
            const Span span = span_of(partition, d);
            const auto [it, fresh] = owners.try_emplace(partition.device_indices[d], Owner{p, span});
            if (fresh) {
                continue;
            }
            Diagnostic& twice =
                add_error(diagnostics, "dev.exclusive",
                          "`" + model.partitions[it->second.partition].name.value + "` and `" + partition.name.value +
                              "` both own `" + model.board.pci[partition.device_indices[d]].name.value + "`",
                          span, "already taken");
            twice.related.push_back({it->second.span, "first taken here"});
            twice.help = "a device belongs to one partition; the others reach it through a channel to its owner";
        }
    }
    return owners;
}

bool is_restarted(const config::Partition& partition) {
    return std::any_of(partition.on_fault.by_cause.begin(), partition.on_fault.by_cause.end(),
                       [](config::FaultAction action) { return action == config::FaultAction::restart; });
}

void check_reset(const config::Model& model, const Owners& owners, std::vector<Diagnostic>& diagnostics) {
    for (const auto& [index, owner] : owners) {
        const auto& partition = model.partitions[owner.partition];
        const auto& function = model.board.pci[index];
        if (!is_restarted(partition)) {
            continue;
        }
        if (function.reset == config::DeviceReset::none) {
            Diagnostic& d = add_error(diagnostics, "dev.reset",
                                      "`" + function.name.value + "` cannot be reset, but its owner `" +
                                          partition.name.value + "` is restarted",
                                      owner.span, "would go on with what it was doing");
            if (partition.on_fault.span.known()) {
                d.related.push_back({partition.on_fault.span, "restarted by this"});
            } else {
                d.notes.push_back("a partition without `on_fault` is stopped by a fault, but restarted when its guest "
                                  "resets itself");
            }
            d.help = "state `reset` of `" + function.name.value +
                     "` in the board file, or write `on_fault: {action: "
                     "stop, reset: stop}` for `" +
                     partition.name.value + "`";
        }
        if (function.reset != config::DeviceReset::bus) {
            continue;
        }
        const std::uint16_t bus = function.bdf >> 8U;
        for (std::size_t other = 0; other < model.board.pci.size(); ++other) {
            const auto& neighbour = model.board.pci[other];
            const auto found = owners.find(other);
            if (other == index || neighbour.bdf >> 8U != bus ||
                (found != owners.end() && found->second.partition == owner.partition)) {
                continue;
            }
            Diagnostic& d = add_error(diagnostics, "dev.reset",
                                      "`" + function.name.value + "` is reset with its whole bus, but `" +
                                          neighbour.name.value + "` on it is not of `" + partition.name.value + "`",
                                      owner.span, "would reset both");
            d.related.push_back({neighbour.name.span,
                                 found == owners.end()
                                     ? "belongs to nobody"
                                     : "belongs to `" + model.partitions[found->second.partition].name.value + "`"});
            d.help = "give `" + partition.name.value + "` all devices of the bus, or do not restart it";
        }
    }
}

// Virtual places on the partition's bus, in the order of the file: functions of one device stay together.
void number_functions(const config::Model& model, std::size_t p, Plan& plan) {
    std::map<std::uint16_t, std::uint16_t> slots;     // physical device → virtual device
    std::map<std::uint16_t, std::uint16_t> functions; // physical device → functions so far
    std::vector<PlannedDevice> devices;
    for (const std::size_t index : model.partitions[p].device_indices) {
        const auto& function = model.board.pci[index];
        const auto physical = static_cast<std::uint16_t>(function.bdf >> 3U);
        const auto slot = slots.try_emplace(physical, static_cast<std::uint16_t>(slots.size() + 1)).first->second;
        PlannedDevice device;
        device.name = function.name.value;
        device.function = index;
        device.bdf = function.bdf;
        device.partition = static_cast<std::uint16_t>(p);
        device.virtual_bdf = static_cast<std::uint16_t>(slot << 3U | functions[physical]++);
        devices.push_back(std::move(device));
    }
    std::sort(devices.begin(), devices.end(),
              [](const PlannedDevice& a, const PlannedDevice& b) { return a.virtual_bdf < b.virtual_bdf; });
    plan.devices.insert(plan.devices.end(), devices.begin(), devices.end());
}

// The BARs of one partition, the largest first, so that each lies on a multiple of its size without waste.
void place_bars(Plan& plan, const config::Model& model, std::size_t first, std::size_t last,
                std::vector<Diagnostic>& diagnostics) {
    struct Item {
        std::size_t device;
        const config::BoardBar* bar;
    };
    std::vector<Item> items;
    for (std::size_t d = first; d < last; ++d) {
        for (const auto& bar : model.board.pci[plan.devices[d].function].bars) {
            items.push_back({d, &bar});
        }
    }
    std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
        if (a.bar->size.value != b.bar->size.value) {
            return a.bar->size.value > b.bar->size.value;
        }
        return a.device != b.device ? a.device < b.device : a.bar->number < b.bar->number;
    });
    std::uint64_t next = guest::kPciBase;
    for (const Item& item : items) {
        auto& device = plan.devices[item.device];
        const std::uint64_t size = item.bar->size.value;
        const std::uint64_t base = (next + size - 1) & ~(size - 1);
        if (base + size > guest::kPciLimit) {
            Diagnostic& d =
                add_error(diagnostics, "plan.pci-window",
                          "BAR " + std::to_string(item.bar->number) + " of `" + device.name +
                              "` does not fit below the guest-physical end " + format_address(guest::kPciLimit) +
                              " of the devices of `" + plan.partitions[device.partition].name + "`",
                          item.bar->size.span, "would end at " + format_address(base + size));
            d.notes.push_back("all BARs of a partition share " +
                              format_range(guest::kPciBase, guest::kPciLimit - guest::kPciBase) +
                              ", each on a multiple of its size");
            d.help = "give the partition fewer devices";
            return;
        }
        next = base + size;
        device.bars.push_back({item.bar->number, Gpa{base}, {Hpa{item.bar->base.value}, size}});
    }
    for (std::size_t d = first; d < last; ++d) {
        std::sort(plan.devices[d].bars.begin(), plan.devices[d].bars.end(),
                  [](const PlannedBar& a, const PlannedBar& b) { return a.number < b.number; });
    }
}

void add_region(PlannedPartition& partition, const PlannedBar& bar, std::uint64_t from, std::uint64_t to,
                std::size_t number) {
    if (from >= to) {
        return;
    }
    manifest::Region region{};
    region.gpa = bar.gpa + from;
    region.hpa = bar.memory.base + from;
    region.size = to - from;
    region.kind = manifest::RegionKind::device;
    region.access = manifest::kRead | manifest::kWrite;
    region.type = manifest::MemoryType::uncacheable;
    region.object = static_cast<std::uint32_t>(number);
    partition.regions.push_back(region);
}

// What the owner reaches of its BARs: all pages but those of MSI-X tables.
void add_regions(Plan& plan, const config::Model& model) {
    std::size_t number = 0; // index into the manifest's `bars`
    for (const auto& device : plan.devices) {
        for (const auto& bar : device.bars) {
            const TablePages table = msix_pages(model.board.pci[device.function], bar.number);
            auto& partition = plan.partitions[device.partition];
            if (table.size == 0) {
                add_region(partition, bar, 0, bar.memory.size, number);
            } else {
                add_region(partition, bar, 0, table.first, number);
                add_region(partition, bar, table.first + table.size, bar.memory.size, number);
            }
            ++number;
        }
    }
    for (auto& partition : plan.partitions) {
        std::sort(partition.regions.begin(), partition.regions.end(),
                  [](const manifest::Region& a, const manifest::Region& b) { return a.gpa < b.gpa; });
    }
}

// A CPU that sleeps has time for faults; otherwise the first one that owns a device, or the very first.
std::uint32_t fault_cpu(const Plan& plan) {
    for (const auto& cpu : plan.cpus) {
        if (cpu.partition == manifest::kNobody) {
            return cpu.apic_id;
        }
    }
    const std::size_t partition = plan.devices.empty() ? 0 : plan.devices[0].partition;
    return plan.cpus[plan.partitions[partition].first_cpu].apic_id;
}

// DMA reaches all RAM of the owner, so its I/O addresses must be translatable.
void check_reach(const Plan& plan, const config::Model& model, std::size_t p, std::vector<Diagnostic>& diagnostics) {
    const auto& partition = plan.partitions[p];
    const std::uint64_t end = partition.ram.size <= guest::kLowRamLimit
                                  ? partition.ram.size
                                  : guest::kHighRamBase + (partition.ram.size - guest::kLowRamLimit);
    const std::uint64_t limit = 1ULL << model.board.iommu.address_bits;
    if (end > limit) {
        add_error(diagnostics, "plan.dma-reach",
                  "the memory of `" + partition.name + "` ends at guest-physical " + format_address(end) +
                      ", beyond the " + std::to_string(model.board.iommu.address_bits) + " bits of the IOMMU",
                  model.partitions[p].memory.span, "its devices cannot reach all of it")
            .help = "give it less memory or no devices";
    }
}

} // namespace

bool has_pci_bus(const config::Partition& partition) {
    return partition.boot.kind != config::BootKind::elf64 || !partition.device_indices.empty();
}

std::uint64_t device_workspace(const config::Model& model) {
    std::uint64_t size = model.board.iommu.kind == config::BoardIommu::none ? 0 : layout::IommuBlock::kSize;
    for (const auto& partition : model.partitions) {
        size += partition.device_indices.size() * layout::DeviceBlock::kSize;
    }
    return size;
}

TablePages msix_pages(const config::BoardPciFunction& function, std::uint8_t bar) {
    const auto& msix = function.msix;
    if (msix.at == 0 || msix.table_bar != bar) {
        return {};
    }
    const std::uint64_t first = msix.table_offset & ~(kPageSize - 1);
    const std::uint64_t end = msix.table_offset + msix.entries * kMsixEntrySize;
    return {first, ((end + kPageSize - 1) & ~(kPageSize - 1)) - first};
}

std::uint32_t interrupt_handles(const config::BoardPciFunction& function) {
    if (function.msix.at != 0) {
        return std::min<std::uint32_t>(function.msix.entries, manifest::kMaxMsixEntries);
    }
    return function.msi.at != 0 ? function.msi.vectors : 0;
}

void check_devices(const config::Model& model, std::vector<Diagnostic>& diagnostics) {
    const Owners owners = owners_of(model, diagnostics);
    check_reset(model, owners, diagnostics);
    std::size_t records = 0;
    for (const auto& partition : model.partitions) {
        records += partition.device_indices.size() + (has_pci_bus(partition) ? 1 : 0); // the host bridge
        if (partition.device_indices.empty()) {
            continue;
        }
        std::vector<std::uint16_t> slots;
        slots.reserve(partition.device_indices.size());
        for (const std::size_t index : partition.device_indices) {
            slots.push_back(model.board.pci[index].bdf >> 3U);
        }
        std::sort(slots.begin(), slots.end());
        slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
        if (slots.size() > kMostVirtualDevices) {
            add_error(diagnostics, "plan.limit",
                      "`" + partition.name.value + "` owns " + std::to_string(slots.size()) +
                          " devices, expected at most " + std::to_string(kMostVirtualDevices) + ", what its bus holds",
                      partition.devices[0].span, "the first of them");
        }
    }
    if (records > manifest::kMaxDevices) {
        add_error(diagnostics, "plan.limit",
                  "the partitions have " + std::to_string(records) +
                      " functions, host bridges included, expected at most " + std::to_string(manifest::kMaxDevices),
                  model.name.span, "too many");
    }
    const auto bridges = std::count_if(model.board.pci.begin(), model.board.pci.end(),
                                       [](const config::BoardPciFunction& f) { return f.is_bridge; });
    if (static_cast<std::size_t>(bridges) > manifest::kMaxBridges) {
        add_error(diagnostics, "plan.limit",
                  "board `" + model.board.name.value + "` has " + std::to_string(bridges) +
                      " bridges, expected at most " + std::to_string(manifest::kMaxBridges),
                  model.board.name.span, "too many");
    }
}

void place_devices(Plan& plan, const config::Model& model, Hpa& next, std::vector<Diagnostic>& diagnostics) {
    std::uint16_t domain = 0;
    std::uint32_t handle = 0;
    for (std::size_t p = 0; p < plan.partitions.size(); ++p) {
        const std::size_t first = plan.devices.size();
        plan.partitions[p].pci_bus = has_pci_bus(model.partitions[p]);
        number_functions(model, p, plan);
        if (plan.devices.size() == first) {
            continue;
        }
        ++domain;
        for (std::size_t d = first; d < plan.devices.size(); ++d) {
            auto& device = plan.devices[d];
            device.domain = domain;
            device.handles = interrupt_handles(model.board.pci[device.function]);
            if (model.board.iommu.kind == config::BoardIommu::vt_d) {
                device.first_handle = handle;
                handle += device.handles;
            }
            device.block = next;
            next = next + layout::DeviceBlock::kSize;
        }
        place_bars(plan, model, first, plan.devices.size(), diagnostics);
        check_reach(plan, model, p, diagnostics);
    }
    add_regions(plan, model);
    if (model.board.iommu.kind != config::BoardIommu::none) {
        plan.iommu_block = next;
        next = next + layout::IommuBlock::kSize;
        plan.fault_apic_id = fault_cpu(plan);
    }
}

} // namespace septum::build
