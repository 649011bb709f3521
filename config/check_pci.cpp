// SPDX-License-Identifier: Apache-2.0
#include "config/check_pci.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <tuple>
#include <vector>

namespace septum::config {

namespace {

// A stretch of something, and what to call it.
struct Taken {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    std::string what;
    Span span;
};

// Says every overlap with the one before it that reaches furthest.
void check_disjoint(std::vector<Taken> all, const char* id, Diagnostics& diagnostics) {
    std::sort(all.begin(), all.end(),
              [](const Taken& a, const Taken& b) { return std::tie(a.base, a.what) < std::tie(b.base, b.what); });
    const Taken* furthest = nullptr;
    for (const Taken& each : all) {
        if (each.size == 0)
            continue;
        if (furthest != nullptr && each.base < furthest->base + furthest->size)
            diagnostics
                .error(id, fmt::format("{} and {} overlap at 0x{:x}", furthest->what, each.what, each.base),
                       each.span.known() ? each.span : furthest->span, "begins inside the other")
                .related.push_back({furthest->span, fmt::format("goes up to 0x{:x}", furthest->base + furthest->size)});
        if (furthest == nullptr || each.base + each.size > furthest->base + furthest->size)
            furthest = &each;
    }
}

void check_capabilities(const BoardPciFunction& function, Diagnostics& diagnostics) {
    constexpr std::uint64_t kPowerSize = 8; // PCI PM 1.2 §3.2
    constexpr std::uint64_t kMsixSize = 12; // PCI 3.0 §6.8.2
    // PCIe 6.0 §7.5.3. Where there is no room for version 2 of the capability it is version 1 of an endpoint.
    const std::uint64_t express_size = function.pcie_at + 0x3C <= 256 ? 0x3C : 0x14;
    const BoardMsi& msi = function.msi;
    const std::uint64_t msi_size = 10ULL + (msi.is_64 ? 4 : 0) + (msi.maskable ? 10 : 0); // PCI 3.0 §6.8.1
    std::vector<Taken> all;
    const auto add = [&](std::uint64_t at, std::uint64_t size, std::string what) {
        if (at != 0)
            all.push_back({at, size, std::move(what), function.name.span});
    };
    add(function.power_at, kPowerSize, "`power`");
    add(msi.at, msi_size, "`msi`");
    add(function.msix.at, kMsixSize, "`msix`");
    add(function.pcie_at, express_size, "`pcie`");
    for (const BoardCapability& capability : function.capabilities)
        add(capability.at, capability.size, fmt::format("capability 0x{:02x}", capability.id));
    check_disjoint(std::move(all), "board.capability", diagnostics);
    for (const auto& [at, size, what] : {std::tuple{function.pcie_at, express_size, "`pcie`"},
                                         {function.power_at, kPowerSize, "`power`"},
                                         {msi.at, msi_size, "`msi`"},
                                         {function.msix.at, kMsixSize, "`msix`"}})
        if (at + size > 256)
            diagnostics.error("board.capability",
                              fmt::format("{} of {} ends beyond configuration space", what, tick(function.name.value)),
                              function.name.span, fmt::format("at 0x{:x}, {} bytes long", at, size));
}

std::string bar_name(const BoardPciFunction& function, const BoardBar& bar) {
    return fmt::format("BAR {} of {}", bar.number, tick(function.name.value));
}

// Memory, registers and BARs share one space.
void check_addresses(const Board& board, Diagnostics& diagnostics) {
    constexpr std::uint64_t kInterruptWindow = 0xFEE0'0000; // APM 2 §16.11: writes here are messages
    constexpr std::uint64_t kMiB = 1ULL << 20;
    constexpr std::uint64_t kEcamSize = 256 * kMiB;
    std::vector<Taken> all;
    for (const BoardPciFunction& function : board.pci)
        for (const BoardBar& bar : function.bars)
            all.push_back({bar.base.value, bar.size.value, bar_name(function, bar), bar.base.span});
    if (all.empty())
        return; // what is left was checked where it was read
    for (const BoardMemory& memory : board.memory)
        all.push_back({memory.base.value, memory.size.value, "memory", memory.base.span});
    if (board.iommu.kind != BoardIommu::none)
        all.push_back({board.iommu.registers.value, board.iommu.kind == BoardIommu::vt_d ? 0x1000U : 0x4000U,
                       "the IOMMU's registers", board.iommu.registers.span});
    if (board.ecam)
        all.push_back({board.ecam->value, kEcamSize, "`ecam`", board.ecam->span});
    all.push_back({kInterruptWindow, kMiB, "the interrupt window", {}});
    check_disjoint(std::move(all), "board.address-overlap", diagnostics);
}

std::uint16_t bus_of(const BoardPciFunction& function) {
    return function.bdf >> 8;
}

const BoardPciFunction* bridge_above(const Board& board, std::uint16_t bus) {
    const auto found = std::find_if(board.pci.begin(), board.pci.end(), [bus](const BoardPciFunction& f) {
        return f.is_bridge && f.bridge.secondary == bus;
    });
    return found == board.pci.end() ? nullptr : &*found;
}

bool inside(std::uint64_t base, std::uint64_t size, std::uint64_t window_base, std::uint64_t window_size) {
    return window_size != 0 && base >= window_base && base + size <= window_base + window_size;
}

bool touches(std::uint64_t base, std::uint64_t size, std::uint64_t window_base, std::uint64_t window_size) {
    return base < window_base + window_size && window_base < base + size;
}

// The bridges that share one bus forward disjoint buses and addresses.
void check_bridges(const Board& board, Diagnostics& diagnostics) {
    std::vector<std::uint16_t> buses;
    for (const BoardPciFunction& function : board.pci)
        if (function.is_bridge)
            buses.push_back(bus_of(function));
    std::sort(buses.begin(), buses.end());
    buses.erase(std::unique(buses.begin(), buses.end()), buses.end());
    for (const std::uint16_t bus : buses) {
        std::vector<Taken> ranges;
        std::vector<Taken> windows;
        for (const BoardPciFunction& f : board.pci) {
            if (!f.is_bridge || bus_of(f) != bus)
                continue;
            const std::string who = tick(f.name.value);
            ranges.push_back({f.bridge.secondary, f.bridge.subordinate - f.bridge.secondary + 1ULL,
                              "the buses behind " + who, f.name.span});
            windows.push_back({f.bridge.window_base, f.bridge.window_size, "the window of " + who, f.name.span});
            windows.push_back({f.bridge.prefetchable_base, f.bridge.prefetchable_size,
                               "the prefetchable window of " + who, f.name.span});
        }
        check_disjoint(std::move(ranges), "board.bridge", diagnostics);
        check_disjoint(std::move(windows), "board.bridge", diagnostics);
    }
    for (const BoardPciFunction& f : board.pci) {
        const BoardPciFunction* above = f.is_bridge ? bridge_above(board, bus_of(f)) : nullptr;
        if (above != nullptr && f.bridge.subordinate > above->bridge.subordinate)
            diagnostics
                .error("board.bridge",
                       fmt::format("bus {} behind {} is not behind {}, which is above it", f.bridge.subordinate,
                                   tick(f.name.value), tick(above->name.value)),
                       f.name.span)
                .related.push_back({above->name.span, fmt::format("its last bus is {}", above->bridge.subordinate)});
    }
}

// Every bridge on the way forwards the BAR, and no bridge beside the way takes it.
void check_route(const Board& board, const BoardPciFunction& function, const BoardBar& bar, Diagnostics& diagnostics) {
    const std::uint64_t base = bar.base.value;
    const std::uint64_t size = bar.size.value;
    for (const BoardPciFunction& bridge : board.pci) {
        if (!bridge.is_bridge)
            continue;
        const BoardBridge& b = bridge.bridge;
        const bool above = b.secondary <= bus_of(function) && bus_of(function) <= b.subordinate;
        const bool forwarded = inside(base, size, b.window_base, b.window_size) ||
                               (bar.prefetchable && inside(base, size, b.prefetchable_base, b.prefetchable_size));
        if (above && !forwarded)
            diagnostics
                .error("board.bridge-window",
                       fmt::format("{} bridge {} does not forward 0x{:x} to it", bar_name(function, bar) + ":",
                                   tick(bridge.name.value), base),
                       bar.base.span, bar.prefetchable ? "outside both windows" : "outside `window`")
                .related.push_back({bridge.name.span, b.window_size == 0
                                                          ? std::string("has no `window`")
                                                          : fmt::format("forwards 0x{:x} to 0x{:x}", b.window_base,
                                                                        b.window_base + b.window_size)});
        else if (!above && (touches(base, size, b.window_base, b.window_size) ||
                            touches(base, size, b.prefetchable_base, b.prefetchable_size)))
            diagnostics
                .error("board.bridge-window",
                       fmt::format("{} lies in the window of bridge {}, which it is not behind",
                                   bar_name(function, bar), tick(bridge.name.value)),
                       bar.base.span, "not reachable here")
                .related.push_back({bridge.name.span, "forwards it away"});
    }
}

} // namespace

void check_pci(const Board& board, Diagnostics& diagnostics) {
    for (const BoardPciFunction& function : board.pci) {
        check_capabilities(function, diagnostics);
        for (const BoardBar& bar : function.bars)
            check_route(board, function, bar, diagnostics);
        if (function.reset == DeviceReset::bus && bridge_above(board, bus_of(function)) == nullptr)
            diagnostics
                .error("board.reset",
                       fmt::format("{} is reset by `bus`, but no bridge leads to bus {}", tick(function.name.value),
                                   bus_of(function)),
                       function.reset_span, "by which bridge?")
                .help = "state the bridge above it in `pci`, with its `bridge`";
    }
    check_addresses(board, diagnostics);
    check_bridges(board, diagnostics);
}

} // namespace septum::config
