// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/assigned.hpp"

#include "verifier/properties/shared/judge.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

const config::BoardPciFunction* function_named(const config::Board& board, const std::string& name) {
    for (const config::BoardPciFunction& function : board.pci) {
        if (function.name.value == name) {
            return &function;
        }
    }
    return nullptr;
}

const manifest::Device* record_of(const Context& context, std::uint32_t partition, std::uint16_t bdf) {
    if (context.facts == nullptr || context.places == nullptr) {
        return nullptr;
    }
    const PartitionFacts* facts = context.places->partitions[partition].facts;
    if (facts != nullptr) {
        for (const manifest::Device& device : context.facts->manifest.devices_of(facts->record)) {
            if (device.bdf == bdf) {
                return &device;
            }
        }
    }
    return nullptr;
}

} // namespace

std::vector<AssignedDevice> assigned_devices(const Context& context) {
    std::vector<AssignedDevice> out;
    for (std::uint32_t p = 0; p < context.model.partitions.size(); ++p) {
        for (const config::Spanned<std::string>& name : context.model.partitions[p].devices) {
            if (const config::BoardPciFunction* function = function_named(context.model.board, name.value)) {
                out.push_back({p, function, name.span, record_of(context, p, function->bdf)});
            }
        }
    }
    return out;
}

bool any_device(const config::Model& model) {
    return std::any_of(model.partitions.begin(), model.partitions.end(),
                       [](const config::Partition& partition) { return !partition.devices.empty(); });
}

bool is_pc(const config::Partition& partition) {
    return partition.boot.kind != config::BootKind::elf64;
}

bool sees_bus(const config::Partition& partition) {
    return is_pc(partition) || !partition.devices.empty();
}

const config::BoardPciFunction* bridge_above(const config::Board& board, const config::BoardPciFunction& function) {
    const unsigned bus = function.bdf >> 8;
    for (const config::BoardPciFunction& other : board.pci) {
        if (bus != 0 && other.is_bridge && other.bridge.secondary == bus && &other != &function) {
            return &other;
        }
    }
    return nullptr;
}

std::vector<const config::BoardPciFunction*> bridges_above(const config::Board& board,
                                                           const config::BoardPciFunction& function) {
    std::vector<const config::BoardPciFunction*> out;
    const config::BoardPciFunction* at = &function;
    while ((at = bridge_above(board, *at)) != nullptr && out.size() < board.pci.size()) {
        out.push_back(at);
    }
    return out;
}

bool has_unit(const Context& context, Judge& judge, const char* otherwise) {
    const config::BoardIommuUnit& unit = context.model.board.iommu;
    if (unit.kind == config::BoardIommu::none) {
        judge.not_applicable("the board has no IOMMU; bus masters are off");
        return false;
    }
    if (!context.facts->devices.present) {
        judge.violated({.message = fmt::format("the image drives no IOMMU, so {}", otherwise),
                        .key = "absent",
                        .primary = unit.registers.span});
        return false;
    }
    return true;
}

std::uint32_t interrupts_shown(const config::BoardPciFunction& function) {
    if (function.msix.at != 0) {
        return std::min<std::uint32_t>(function.msix.entries, manifest::kMaxMsixEntries);
    }
    return function.msi.at != 0 ? function.msi.vectors : 0;
}

std::vector<BoardBarPlace> board_bars(const config::Model& model) {
    std::vector<BoardBarPlace> out;
    for (const config::BoardPciFunction& function : model.board.pci) {
        std::uint32_t owner = ~0U;
        for (std::uint32_t p = 0; p < model.partitions.size(); ++p) {
            for (const config::Spanned<std::string>& name : model.partitions[p].devices) {
                owner = owner == ~0U && name.value == function.name.value ? p : owner;
            }
        }
        for (const config::BoardBar& bar : function.bars) {
            out.push_back({&function, &bar, owner});
        }
    }
    return out;
}

Pieces table_pages_of(const config::BoardPciFunction& function, const config::BoardBar& bar) {
    const config::BoardMsix& msix = function.msix;
    if (msix.at == 0 || msix.table_bar != bar.number || msix.entries == 0) {
        return {};
    }
    constexpr std::uint64_t kEntry = 16; // PCI 3.0 §6.8.2.6
    const std::uint64_t first = msix.table_offset / kPageSize * kPageSize;
    const std::uint64_t end = (msix.table_offset + kEntry * msix.entries + kPageSize - 1) / kPageSize * kPageSize;
    return {{first, std::min(end, bar.size.value), 0}};
}

} // namespace septum::verifier
