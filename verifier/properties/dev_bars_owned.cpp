// SPDX-License-Identifier: Apache-2.0
// dev.bars-owned: a device's registers belong to its owner.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/owner.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

std::string bar_text(const BoardBarPlace& place) {
    return fmt::format("BAR {} of `{}`", place.bar->number, place.function->name.value);
}

Pieces bar_pieces(const std::vector<BoardBarPlace>& all) {
    Pieces out;
    for (std::size_t i = 0; i < all.size(); ++i) {
        out.push_back({all[i].bar->base.value, all[i].bar->base.value + all[i].bar->size.value, i});
    }
    return out;
}

void bars_model(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    const std::vector<BoardBarPlace> all = board_bars(context.model);
    const Pieces pieces = bar_pieces(all);
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        const BoardBarPlace& a = all[overlap.later];
        const BoardBarPlace& b = all[overlap.earlier];
        judge.violated({.message = fmt::format("{} and {} both lie at {}", bar_text(a), bar_text(b),
                                               range(overlap.first, overlap.end)),
                        .key = a.function->name.value + "+" + b.function->name.value,
                        .witness = "host-physical " + address(overlap.first),
                        .primary = a.bar->base.span,
                        .related = {{b.bar->base.span, bar_text(b)}},
                        .help = "mend the addresses in the board file"});
    }
    if (!pieces.empty()) {
        judge.solver_agrees(found.empty(), [&](unsigned timeout) {
            return smt::never_twice("dev.bars-owned: the board", pieces, timeout);
        });
    }
}

// Where each owner sees its BARs: the largest first, those of one size in the order of its bus and by number, each at
// the next boundary of its size (docs/manifest.md).
void bars_shown(const Context& context, Judge& judge) {
    struct Shown {
        std::uint64_t size;
        std::uint16_t virtual_bdf;
        unsigned number;
        std::uint64_t gpa;
        const AssignedDevice* device;
    };
    const std::vector<AssignedDevice> devices = assigned_devices(context);
    std::map<std::uint32_t, std::vector<Shown>> owners;
    for (const AssignedDevice& device : devices) {
        if (device.record == nullptr) { // dev.exists says so
            continue;
        }
        for (const manifest::Bar& bar : context.facts->manifest.bars_of(*device.record)) {
            owners[device.partition].push_back(
                {bar.memory.size, device.record->virtual_bdf, bar.number, bar.gpa.value, &device});
        }
    }
    for (auto& [owner, bars] : owners) {
        std::sort(bars.begin(), bars.end(), [](const Shown& a, const Shown& b) {
            return std::tuple(b.size, a.virtual_bdf, a.number) < std::tuple(a.size, b.virtual_bdf, b.number);
        });
        std::uint64_t next = guest::kPciBase;
        for (const Shown& bar : bars) {
            if (bar.size == 0 || bar.size > guest::kPciLimit) {
                break; // not the board's size, which is said already
            }
            const std::uint64_t expected = (next + bar.size - 1) / bar.size * bar.size;
            next = expected + bar.size;
            if (bar.gpa != expected) {
                judge.violated(
                    {.message = fmt::format("BAR {} of `{}` is shown at {}, expected {}", bar.number,
                                            bar.device->function->name.value, address(bar.gpa), address(expected)),
                     .partitions = {owner_name(context, *bar.device)},
                     .key = fmt::format("{}:{}:shown", bar.device->function->name.value, bar.number),
                     .witness = "guest-physical " + address(bar.gpa),
                     .primary = bar.device->span});
                break; // what follows lies where it lies because of this one
            }
        }
    }
}

// The manifest gives each BAR of an assigned device its board's place, and a guest-physical one of its own in the
// window.
void bars_placed(const Context& context, Judge& judge) {
    const decode::Manifest& manifest = context.facts->manifest;
    std::size_t expected = 0;
    Pieces guest; // partition above the guest-physical address
    constexpr unsigned kGuestBits = 48;
    for (const AssignedDevice& device : assigned_devices(context)) {
        expected += device.function->bars.size();
        if (device.record == nullptr) {
            continue;
        }
        const auto say = [&](std::string message, const config::BoardBar& bar) {
            judge.violated({.message = std::move(message),
                            .partitions = {owner_name(context, device)},
                            .key = fmt::format("{}:{}", device.function->name.value, bar.number),
                            .witness = "host-physical " + address(bar.base.value),
                            .primary = device.span,
                            .related = {{bar.base.span, "the board's BAR"}}});
        };
        for (const config::BoardBar& bar : device.function->bars) {
            const auto records = manifest.bars_of(*device.record);
            const auto it = std::find_if(records.begin(), records.end(),
                                         [&](const manifest::Bar& record) { return record.number == bar.number; });
            const std::string who = fmt::format("BAR {} of `{}`", bar.number, device.function->name.value);
            if (it == records.end()) {
                say(who + " is not in the image", bar);
                continue;
            }
            const auto flags = static_cast<std::uint8_t>((bar.is_64 ? manifest::kBar64 : 0) |
                                                         (bar.prefetchable ? manifest::kBarPrefetchable : 0));
            if (it->memory.base.value != bar.base.value || it->memory.size != bar.size.value || it->flags != flags) {
                say(fmt::format("{} lies at {} in the image, expected {}", who,
                                range(it->memory.base.value, it->memory.base.value + it->memory.size),
                                range(bar.base.value, bar.base.value + bar.size.value)),
                    bar);
            }
            const bool inside = it->gpa.value >= guest::kPciBase && it->gpa.value % bar.size.value == 0 &&
                                decode::fits(it->gpa.value, bar.size.value, guest::kPciLimit);
            if (!inside) {
                say(fmt::format("{} is shown at {}, outside the window or not on a boundary of its size", who,
                                address(it->gpa.value)),
                    bar);
                continue;
            }
            const std::uint64_t base = static_cast<std::uint64_t>(device.partition) << kGuestBits | it->gpa.value;
            guest.push_back({base, base + bar.size.value, guest.size()});
        }
    }
    if (manifest.bars.size() != expected) {
        judge.violated({.message = fmt::format("the image has {} BARs, expected {}", manifest.bars.size(), expected),
                        .key = "count"});
    }
    const std::vector<Overlap> found = overlaps(guest);
    for (const Overlap& overlap : found) {
        judge.violated({.message = fmt::format(
                            "two BARs are shown to {} at guest-physical {}",
                            partition_name(context.model, static_cast<std::uint32_t>(overlap.first >> kGuestBits)),
                            address(overlap.first & ((1ULL << kGuestBits) - 1))),
                        .key = "shown-twice",
                        .witness = "guest-physical " + address(overlap.first & ((1ULL << kGuestBits) - 1))});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_twice("dev.bars-owned: as shown", guest, timeout); });
}

void bars_bytes(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        return;
    }
    bars_placed(context, judge);
    bars_shown(context, judge);
    const std::vector<BoardBarPlace> all = board_bars(context.model);
    constexpr unsigned kHostBits = 52;
    Pieces foreign; // partition above the host-physical address
    Pieces reach;
    for (std::uint32_t p = 0; p < context.model.partitions.size(); ++p) {
        const PartitionFacts* facts = context.places->partitions[p].facts;
        if (facts == nullptr) {
            continue;
        }
        const std::uint64_t base = static_cast<std::uint64_t>(p) << kHostBits;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (all[i].owner != p) {
                foreign.push_back(
                    {base + all[i].bar->base.value, base + all[i].bar->base.value + all[i].bar->size.value, i});
            }
        }
        for (const Interval& interval : facts->reach_by_host) {
            reach.push_back({base + interval.hpa, base + interval.hpa + interval.size, p});
        }
    }
    const std::vector<Overlap> found = common(foreign, reach);
    for (const Overlap& overlap : found) {
        const std::string& name = context.model.partitions[overlap.later].name.value;
        const std::uint64_t at = overlap.first & ((1ULL << kHostBits) - 1);
        judge.violated({.message = fmt::format("in the image `{}` reaches {} at {}, which it does not own", name,
                                               bar_text(all[overlap.earlier]), address(at)),
                        .partitions = {name},
                        .key = all[overlap.earlier].function->name.value,
                        .witness = "host-physical " + address(at)});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_both("dev.bars-owned", united(foreign), united(reach), timeout);
    });
}

} // namespace

const Property kDevBarsOwned{
    .id = "dev.bars-owned",
    .title = "a device's registers belong to its owner",
    .statement =
        "No two BARs of the board overlap; no partition reaches a BAR of a function that it does not own; the image "
        "programs each BAR of an assigned device where the board says, and shows it at its one place of its owner's "
        "window: the largest first, each at the next boundary of its size. What the owner reaches of it is mem.exact.",
    .level = Level::bytes,
    .rests_on =
        "the kernel's boot part, which programs the BARs and reads them back; the nested page tables, as decoded",
    .manual = "PCI Local Bus 3.0 §6.2.5",
    .mend = kImageAltered,
    .model = bars_model,
    .bytes = bars_bytes,
};

} // namespace septum::verifier
