// SPDX-License-Identifier: Apache-2.0
#include "config/read_devices.hpp"

#include "config/fields.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::config {

namespace {

constexpr std::size_t kMostDevices = 248; // 31 devices of eight functions: all of a bus but the host bridge's

// Whether `function` can be granted, or a message.
bool is_grantable(const Node& item, const Board& board, const BoardPciFunction& function, Diagnostics& diagnostics) {
    const std::string who = tick(item.text);
    if (function.is_bridge) {
        diagnostics
            .error("config.device-not-grantable", fmt::format("{} is a bridge and cannot be granted", who), item.span,
                   "the kernel's own")
            .help = "grant the devices behind it";
        return false;
    }
    if (!function.assignable) {
        diagnostics
            .error("config.device-not-grantable",
                   fmt::format("{} cannot be granted: board {} does not state its `class` and `bars`", who,
                               tick(board.name.value)),
                   item.span, "not known well enough")
            .help = "state them in the board file; write `bars: {}` for a device without memory of its own";
        return false;
    }
    if (board.iommu.kind == BoardIommu::none) {
        diagnostics
            .error("config.device-without-iommu",
                   fmt::format("{} cannot be granted: board {} has no IOMMU", who, tick(board.name.value)), item.span,
                   "it could write to all memory")
            .help = "remove it, or choose a board with `iommu: {kind: vt-d, …}` or `{kind: amd-vi, …}`";
        return false;
    }
    if (board.iommu.function && board.iommu.function->value == function.name.value) {
        diagnostics
            .error("config.device-not-grantable", fmt::format("{} is the IOMMU and cannot be granted", who), item.span,
                   "the kernel's own")
            .help = "remove it";
        return false;
    }
    return true;
}

void read_device(const Node& item, const Board* board, Partition& partition, Diagnostics& diagnostics) {
    if (item.kind != Node::Kind::scalar) {
        wrong_type(item, "devices", "the name of a device", diagnostics);
        return;
    }
    const auto first = std::find_if(partition.devices.begin(), partition.devices.end(),
                                    [&](const Spanned<std::string>& d) { return d.value == item.text; });
    if (first != partition.devices.end()) {
        diagnostics
            .error("config.device-twice",
                   fmt::format("{} is granted twice to {}", tick(item.text), tick(partition.name.value)), item.span,
                   "again here")
            .related.push_back({first->span, "first here"});
        return;
    }
    partition.devices.push_back({item.text, item.span});
    if (board == nullptr)
        return;
    const auto found = std::find_if(board->pci.begin(), board->pci.end(),
                                    [&](const BoardPciFunction& f) { return f.name.value == item.text; });
    if (found != board->pci.end()) {
        if (is_grantable(item, *board, *found, diagnostics))
            partition.device_indices.push_back(static_cast<std::size_t>(found - board->pci.begin()));
        return;
    }
    std::vector<std::string_view> known;
    std::vector<std::string_view> assignable;
    for (const BoardPciFunction& function : board->pci) {
        known.push_back(function.name.value);
        if (function.assignable)
            assignable.push_back(function.name.value);
    }
    const std::string others = assignable.empty()       ? "it has none that can be granted; choose another board"
                               : assignable.size() > 12 ? "the board file lists them"
                                                        : "those that can be granted are " + tick_list(assignable);
    diagnostics
        .error("config.unknown-device",
               fmt::format("board {} has no device {}", tick(board->name.value), tick(item.text)), item.span,
               "not on the board")
        .help = did_you_mean(item.text, known, others);
}

} // namespace

void read_devices(const Node& node, const Board* board, Partition& partition, Diagnostics& diagnostics) {
    if (!expect_list(node, "devices", "a list of device names", diagnostics))
        return;
    if (node.items.size() > kMostDevices) {
        diagnostics.error("config.too-many",
                          fmt::format("more devices than allowed: {}, at most {}", node.items.size(), kMostDevices),
                          node.items[kMostDevices].span, "one too many");
        return;
    }
    for (const Node& item : node.items)
        read_device(item, board, partition, diagnostics);
}

} // namespace septum::config
