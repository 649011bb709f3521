// SPDX-License-Identifier: Apache-2.0
// irq.owned: each interrupt handle has one owner.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/interrupts.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// The record of each device names the interrupts that the board gives it.
void records(const Context& context, Judge& judge) {
    const std::vector<manifest::Bar>& bars = context.facts->manifest.bars;
    for (const AssignedDevice& device : assigned_devices(context)) {
        judge.rests_on(device.span);
        if (device.record == nullptr) {
            continue; // dev.exists says so
        }
        const config::BoardPciFunction& f = *device.function;
        const manifest::Device& d = *device.record;
        const auto same = [&](std::uint64_t found, std::uint64_t expected, const char* what) {
            if (found != expected) {
                judge.violated({.message = fmt::format("the image gives `{}` {} {:#x}, expected {:#x}", f.name.value,
                                                       what, found, expected),
                                .partitions = {context.model.partitions[device.partition].name.value},
                                .key = f.name.value + ":" + what,
                                .witness = "device " + ticked(f.name.value),
                                .primary = device.span});
            }
        };
        same(d.handles, interrupts_shown(f), "interrupts:");
        const bool msi = f.msi.at != 0 && f.msix.at == 0; // a function that has both uses MSI-X
        same(d.msi_at, msi ? f.msi.at : 0, "an MSI capability at");
        same(d.msix_at, f.msix.at, "an MSI-X capability at");
        if (msi) {
            same(d.msi_flags, (f.msi.is_64 ? manifest::kMsi64 : 0U) | (f.msi.maskable ? manifest::kMsiMaskable : 0U),
                 "MSI flags");
        }
        if (f.msix.at != 0) {
            same(d.msix_entries, f.msix.entries, "MSI-X entries:");
            same(d.msix_offset, f.msix.table_offset, "an MSI-X table at");
            same(d.msix_bar < bars.size() ? bars[d.msix_bar].number : ~0ULL, f.msix.table_bar, "an MSI-X table in BAR");
        }
    }
}

void owned_vtd(const Context& context, Judge& judge) {
    const decode::InterruptTable& table = context.facts->devices.interrupts;
    if (!table.readable) {
        judge.violated({.message = "the interrupt remapping table can't be read", .key = "unreadable"});
    }
    Pieces actual; // handle → requester
    for (const decode::ReservedHandle& handle : table.reserved) {
        actual.push_back({handle.index, handle.index + 1ULL, handle.source});
    }
    for (const decode::InterruptEntry& entry : table.present) {
        actual.push_back({entry.index, entry.index + 1ULL, entry.source});
    }
    Pieces expected;
    for (const AssignedDevice& device : assigned_devices(context)) {
        if (device.record != nullptr && device.record->handles != 0) {
            const std::uint64_t first = device.record->first_handle;
            expected.push_back({first, first + device.record->handles, device.function->bdf});
        }
    }
    if (const auto handle = watchdog_handle(context)) {
        expected.push_back({*handle, *handle + 1ULL, context.facts->manifest.header.watchdog.requester});
    }
    const std::vector<Overlap> twice = overlaps(expected);
    for (const Overlap& overlap : twice) {
        judge.violated({.message = fmt::format("interrupt handle {} belongs to {} and to {}", overlap.first,
                                               requester_text(static_cast<std::uint32_t>(overlap.earlier)),
                                               requester_text(static_cast<std::uint32_t>(overlap.later))),
                        .key = fmt::format("twice{}", overlap.first),
                        .witness = fmt::format("handle {}", overlap.first)});
    }
    judge.solver_agrees(twice.empty(),
                        [&](unsigned timeout) { return smt::never_twice("irq.owned: handles", expected, timeout); });
    if (!twice.empty()) {
        return;
    }
    expected = sorted(std::move(expected));
    actual = sorted(std::move(actual));
    const std::vector<Difference> found = differences(joined(actual), joined(expected));
    const auto whose = [](std::uint64_t requester) {
        return requester == kAbsent ? std::string("nobody") : requester_text(static_cast<std::uint32_t>(requester));
    };
    for (const Difference& difference : found) {
        judge.violated({.message = fmt::format("interrupt handle {} belongs to {} in the remapping table, expected {}",
                                               difference.first, whose(difference.left), whose(difference.right)),
                        .key = fmt::format("handle{}", difference.first),
                        .witness = fmt::format("handle {}", difference.first)});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("irq.owned", actual, expected, false, timeout);
    });
}

// What a requester's interrupts amount to under AMD-Vi, as one number: nothing, NMI only, the table of assigned device
// k, or something that nobody should have.
enum class Fate : std::uint64_t { none = 0, nmi = 1, other = 2, own = 16 };

void owned_amd(const Context& context, Judge& judge) {
    const DeviceFacts& unit = context.facts->devices;
    const std::vector<AssignedDevice> devices = assigned_devices(context);
    Pieces tables; // host-physical bytes of each assigned device's table
    for (std::size_t k = 0; k < devices.size(); ++k) {
        if (devices[k].record == nullptr) {
            continue;
        }
        const std::uint64_t base = devices[k].record->interrupt_table.value;
        for (const decode::DeviceInterruptTable& table : unit.interrupt_tables) {
            if (table.base == base) {
                tables.push_back({base, base + std::uint64_t{table.entries} * table.entry_size, k});
                if (table.entries < devices[k].record->handles) {
                    judge.violated({.message = fmt::format("the interrupt table of `{}` has {} entries, expected {}",
                                                           devices[k].function->name.value, table.entries,
                                                           devices[k].record->handles),
                                    .key = devices[k].function->name.value + ":short",
                                    .witness = "requester " + requester_text(devices[k].function->bdf),
                                    .primary = devices[k].span});
                }
            }
        }
    }
    const std::vector<Overlap> shared = overlaps(tables);
    for (const Overlap& overlap : shared) {
        judge.violated({.message = fmt::format("`{}` and `{}` share an interrupt table at {}",
                                               devices[overlap.earlier].function->name.value,
                                               devices[overlap.later].function->name.value, address(overlap.first)),
                        .key = "shared",
                        .witness = "host-physical " + address(overlap.first)});
    }
    judge.solver_agrees(shared.empty(),
                        [&](unsigned timeout) { return smt::never_twice("irq.owned: tables", tables, timeout); });
    const auto fate = [&](const decode::InterruptRoute& route) -> std::uint64_t {
        if (route.state == decode::InterruptState::blocked) {
            return static_cast<std::uint64_t>(Fate::none);
        }
        if (route.state == decode::InterruptState::nmi) {
            return static_cast<std::uint64_t>(Fate::nmi);
        }
        if (route.state != decode::InterruptState::remapped || route.table >= unit.interrupt_tables.size()) {
            return static_cast<std::uint64_t>(Fate::other);
        }
        const decode::DeviceInterruptTable& table = unit.interrupt_tables[route.table];
        const Pieces bytes{{table.base, table.base + std::uint64_t{table.entries} * table.entry_size, 0}};
        for (const Overlap& overlap : common(bytes, tables)) {
            const bool whole = devices[overlap.later].record->interrupt_table.value == table.base;
            return whole ? static_cast<std::uint64_t>(Fate::own) + overlap.later
                         : static_cast<std::uint64_t>(Fate::other);
        }
        // A table that no device has, and in which nothing is enabled, lets nothing through for good.
        return static_cast<std::uint64_t>(table.enabled.empty() ? Fate::none : Fate::other);
    };
    Pieces actual;
    for (const decode::InterruptRoute& route : unit.routes) {
        actual.push_back({route.first, route.last + 1ULL, fate(route)});
    }
    actual = sorted(std::move(actual));
    Pieces own;
    const auto at = [&](std::uint64_t bdf) {
        for (const Piece& piece : actual) {
            if (piece.first <= bdf && bdf < piece.end) {
                return piece.value;
            }
        }
        return kAbsent;
    };
    for (std::size_t k = 0; k < devices.size(); ++k) {
        const std::uint64_t bdf = devices[k].function->bdf;
        const bool needs = devices[k].record != nullptr && devices[k].record->handles != 0;
        const std::uint64_t table = static_cast<std::uint64_t>(Fate::own) + k;
        // A device without interrupts may have an empty table or none.
        if (needs || at(bdf) == table) {
            own.push_back({bdf, bdf + 1, table});
        }
    }
    const manifest::Watchdog& watchdog = context.facts->manifest.header.watchdog;
    if (watchdog.kind != manifest::WatchdogKind::none &&
        at(watchdog.requester) == static_cast<std::uint64_t>(Fate::nmi)) {
        own.push_back({watchdog.requester, watchdog.requester + 1ULL, static_cast<std::uint64_t>(Fate::nmi)});
    }
    Pieces expected = without({{0, kRequesterIds, static_cast<std::uint64_t>(Fate::none)}}, own);
    expected.insert(expected.end(), own.begin(), own.end());
    expected = sorted(std::move(expected));
    if (!is_disjoint(expected)) {
        judge.violated({.message = "the watchdog sends as a device that a partition owns", .key = "watchdog"});
        return;
    }
    const auto text = [&](std::uint64_t value) -> std::string {
        if (value == kAbsent) {
            return "not decided by any table";
        }
        if (value >= static_cast<std::uint64_t>(Fate::own)) {
            return fmt::format("remapped by the table of `{}`",
                               devices[value - static_cast<std::uint64_t>(Fate::own)].function->name.value);
        }
        switch (static_cast<Fate>(value)) {
        case Fate::none:
            return "blocked";
        case Fate::nmi:
            return "blocked but for NMI";
        default:
            return "let through";
        }
    };
    const std::vector<Difference> found = differences(joined(actual), joined(expected));
    for (const Difference& difference : found) {
        const std::string who = requester_text(static_cast<std::uint32_t>(difference.first));
        judge.violated({.message = fmt::format("interrupts of {} are {}, expected {}", who, text(difference.left),
                                               text(difference.right)),
                        .key = who,
                        .witness = "requester " + who});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("irq.owned", actual, expected, false, timeout);
    });
}

void interrupts_owned(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kNothingRemaps)) {
        return;
    }
    records(context, judge);
    if (amd_vi(context)) {
        owned_amd(context, judge);
    } else {
        owned_vtd(context, judge);
    }
    const decode::Defects& defects = context.facts->devices.interrupts.defects;
    for (const Defect& defect : defects.kept()) {
        judge.violated({.message = fmt::format("{}: {}, expected {:#x}, found {:#x}", defect.what,
                                               decode::name(defect.kind), defect.expected, defect.found),
                        .key = decode::name(defect.kind),
                        .witness = "host-physical " + address(defect.address)});
    }
}

} // namespace

const Property kIrqOwned{
    .id = "irq.owned",
    .title = "each interrupt handle has one owner",
    .statement =
        "VT-d: each handle that a device was given names that device as its source in the remapping table, no handle "
        "has two owners, and no other entry names anybody. AMD-Vi: each assigned device has an interrupt table of its "
        "own, long enough for its interrupts, and every other requester's interrupts are refused. How many interrupts "
        "a device has and where its MSI-X table lies is as the board says.",
    .level = Level::bytes,
    .rests_on = kRemappingOn,
    .manual = "VT-d specification §5.1, §9.10; AMD IOMMU specification §2.2.2, §2.2.5",
    .mend = kImageAltered,
    .bytes = interrupts_owned,
};

} // namespace septum::verifier
