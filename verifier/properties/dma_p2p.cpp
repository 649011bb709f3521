// SPDX-License-Identifier: Apache-2.0
// dma.p2p: devices don't reach each other.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/requesters.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// The windows of a bridge, by what the board says.
Pieces windows_of(const config::BoardBridge& bridge) {
    Pieces out;
    out.push_back({bridge.window_base, bridge.window_base + bridge.window_size, 0});
    out.push_back({bridge.prefetchable_base, bridge.prefetchable_base + bridge.prefetchable_size, 0});
    return united(sorted(std::move(out)));
}

bool behind(const config::BoardPciFunction& function, const config::BoardPciFunction& bridge) {
    const unsigned bus = function.bdf >> 8;
    return bus >= bridge.bridge.secondary && bus <= bridge.bridge.subordinate;
}

void p2p_model(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    const config::Board& board = context.model.board;
    for (const AssignedDevice& device : assigned_devices(context)) {
        judge.rests_on(device.span);
        const std::string& owner = context.model.partitions[device.partition].name.value;
        const auto say = [&](std::string message, std::string key, const config::BoardPciFunction& bridge,
                             std::string help) {
            judge.violated({.message = std::move(message),
                            .partitions = {owner},
                            .key = std::move(key),
                            .witness = "requester " + requester_text(device.function->bdf),
                            .primary = device.span,
                            .related = {{bridge.name.span, "this bridge"}},
                            .help = std::move(help)});
        };
        const auto above = bridges_above(board, *device.function);
        if ((device.function->bdf >> 8) != 0 && (above.empty() || (above.back()->bdf >> 8) != 0)) {
            say(fmt::format("the board lists no bridge that leads to `{}` on bus {:02x}", device.function->name.value,
                            device.function->bdf >> 8),
                device.function->name.value + ":bridge", *device.function,
                "list every bridge above it in the board file");
        }
        for (const config::BoardPciFunction* bridge : above) {
            // Without Access Control Services a bridge may turn a request round before the IOMMU sees it.
            const bool alone = std::all_of(board.pci.begin(), board.pci.end(), [&](const config::BoardPciFunction& f) {
                return f.bars.empty() || &f == device.function || (f.group.value == device.function->group.value);
            });
            if (bridge->bridge.acs_at == 0 && !alone) {
                say(fmt::format("`{}` lies behind `{}`, which has no access control: what it sends may reach other "
                                "devices past the IOMMU",
                                device.function->name.value, bridge->name.value),
                    device.function->name.value + ":acs", *bridge,
                    "state `acs` of the bridge, or put the devices into one `group` and give them to one partition");
            }
        }
    }
    // A window holds nothing but the BARs of functions behind its bridge.
    Pieces wrong;
    Pieces bars;
    const std::vector<BoardBarPlace> all = board_bars(context.model);
    for (std::size_t i = 0; i < all.size(); ++i) {
        bars.push_back({all[i].bar->base.value, all[i].bar->base.value + all[i].bar->size.value, i});
    }
    for (const config::BoardPciFunction& bridge : board.pci) {
        if (!bridge.is_bridge) {
            continue;
        }
        for (const Overlap& overlap : common(windows_of(bridge.bridge), bars)) {
            const BoardBarPlace& place = all[overlap.later];
            if (behind(*place.function, bridge)) {
                continue;
            }
            judge.violated({.message = fmt::format("BAR {} of `{}` lies in the window of `{}`, which it is not behind",
                                                   place.bar->number, place.function->name.value, bridge.name.value),
                            .key = place.function->name.value + ":window",
                            .witness = "host-physical " + address(overlap.first),
                            .primary = place.bar->base.span,
                            .related = {{bridge.name.span, "this bridge"}},
                            .help = "mend the addresses in the board file"});
        }
        Pieces windows = windows_of(bridge.bridge);
        for (const Overlap& overlap : common(windows, {{kInterruptWindow, kInterruptWindowEnd, 0}})) {
            judge.violated({.message = fmt::format("the window of `{}` covers {}, where interrupts are sent",
                                                   bridge.name.value, range(overlap.first, overlap.end)),
                            .key = bridge.name.value + ":interrupts",
                            .witness = "host-physical " + address(overlap.first),
                            .primary = bridge.name.span,
                            .help = "mend the window in the board file"});
        }
    }
}

void p2p_bytes(const Context& context, Judge& judge) {
    if (!any_device(context.model) || !has_unit(context, judge, kNothingBlocksDma)) {
        return;
    }
    const config::Board& board = context.model.board;
    const decode::Manifest& manifest = context.facts->manifest;
    // What the boot part programs is what the board says.
    for (const manifest::Bridge& record : manifest.bridges) {
        const auto it = std::find_if(board.pci.begin(), board.pci.end(), [&](const config::BoardPciFunction& f) {
            return f.is_bridge && f.bdf == record.bdf;
        });
        const bool same =
            it != board.pci.end() && it->bridge.secondary == record.secondary &&
            it->bridge.subordinate == record.subordinate && it->bridge.acs_at == record.acs_at &&
            (record.acs != 0) == (it->bridge.acs_at != 0) && it->bridge.window_size == record.window.size &&
            (record.window.size == 0 || it->bridge.window_base == record.window.base.value) &&
            it->bridge.prefetchable_size == record.prefetchable.size &&
            (record.prefetchable.size == 0 || it->bridge.prefetchable_base == record.prefetchable.base.value);
        if (!same) {
            judge.violated({.message = fmt::format("the image programs a bridge at {} that is not the board's",
                                                   requester_text(record.bdf)),
                            .key = "bridge:" + requester_text(record.bdf),
                            .witness = "bridge " + requester_text(record.bdf),
                            .primary = it == board.pci.end() ? board.name.span : it->name.span});
        }
    }
    for (const AssignedDevice& device : assigned_devices(context)) {
        for (const config::BoardPciFunction* bridge : bridges_above(board, *device.function)) {
            const bool listed = std::any_of(manifest.bridges.begin(), manifest.bridges.end(),
                                            [&](const manifest::Bridge& b) { return b.bdf == bridge->bdf; });
            if (!listed) {
                judge.violated({.message = fmt::format("the image does not program `{}`, which leads to `{}`",
                                                       bridge->name.value, device.function->name.value),
                                .partitions = {context.model.partitions[device.partition].name.value},
                                .key = "unlisted:" + bridge->name.value,
                                .witness = "bridge " + requester_text(bridge->bdf),
                                .primary = bridge->name.span});
            }
        }
    }
    // No translated request comes out at another device's registers or as an interrupt.
    Pieces forbidden{{kInterruptWindow, kInterruptWindowEnd, ~0ULL}};
    const std::vector<BoardBarPlace> all = board_bars(context.model);
    for (std::size_t i = 0; i < all.size(); ++i) {
        forbidden.push_back({all[i].bar->base.value, all[i].bar->base.value + all[i].bar->size.value, i});
    }
    Pieces reach;
    for (const decode::DmaDomain& domain : context.facts->devices.dma.domains) {
        for (const Interval& interval : domain.reach) {
            reach.push_back({interval.hpa, interval.hpa + interval.size, domain.id});
        }
    }
    const std::vector<Overlap> found = common(forbidden, reach);
    for (const Overlap& overlap : found) {
        judge.violated({.message = fmt::format(
                            "DMA domain {} reaches {}, {}", overlap.later, range(overlap.first, overlap.end),
                            overlap.earlier == ~0ULL ? "where interrupts are sent"
                                                     : fmt::format("BAR {} of `{}`", all[overlap.earlier].bar->number,
                                                                   all[overlap.earlier].function->name.value)),
                        .key = fmt::format("domain{}", overlap.later),
                        .witness = "host-physical " + address(overlap.first)});
    }
    judge.solver_agrees(
        found.empty(), [&](unsigned timeout) { return smt::never_both("dma.p2p", forbidden, united(reach), timeout); });
}

} // namespace

const Property kDmaP2p{
    .id = "dma.p2p",
    .title = "devices don't reach each other",
    .statement =
        "Every bridge above an assigned device has access control, which the kernel turns on, or all devices with "
        "registers are of one group; bridge windows hold only what is behind them and not the interrupt window, and "
        "are programmed as the board says; no DMA mapping leads to a BAR or to the interrupt window.",
    .level = Level::bytes,
    .rests_on = "the board file; the kernel's boot part, which programs the bridges and reads them back",
    .manual = "PCI Express Base 5.0 §6.12; PCI-to-PCI bridge 1.2 §3.2.5; VT-d specification §3.14",
    .mend = kImageAltered,
    .model = p2p_model,
    .bytes = p2p_bytes,
};

} // namespace septum::verifier
