// SPDX-License-Identifier: Apache-2.0
// Who owns which device, with all that belongs to it: functions that can't be told apart, registers, a way to reset it.
#include "verifier/properties/assigned.hpp"
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

const std::string& owner_name(const Context& context, const AssignedDevice& device) {
    return context.model.partitions[device.partition].name.value;
}

void exists_model(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    for (const config::Partition& partition : context.model.partitions) {
        for (const config::Spanned<std::string>& device : partition.devices) {
            judge.rests_on(device.span);
            const auto& pci = context.model.board.pci;
            if (std::none_of(pci.begin(), pci.end(), [&](const config::BoardPciFunction& function) {
                    return function.name.value == device.value;
                })) {
                judge.violated(
                    {.message = fmt::format("`{}` owns `{}`, which board `{}` does not have", partition.name.value,
                                            device.value, context.model.board.name.value),
                     .partitions = {partition.name.value},
                     .key = device.value,
                     .witness = "device " + ticked(device.value),
                     .primary = device.span});
            }
        }
    }
}

// The image's devices are the file's, each with its owner.
void exists_bytes(const Context& context, Judge& judge) {
    const decode::Manifest& manifest = context.facts->manifest;
    Pieces declared;
    Pieces found;
    for (const AssignedDevice& device : assigned_devices(context)) {
        declared.push_back({device.function->bdf, device.function->bdf + 1ULL, device.partition});
        const bool same = device.record != nullptr && decode::text(device.record->name) == device.function->name.value;
        if (!same) {
            judge.violated(
                {.message = fmt::format("`{}` owns `{}`, but in the image it {}", owner_name(context, device),
                                        device.function->name.value,
                                        device.record == nullptr ? "has no such device" : "has another name"),
                 .partitions = {owner_name(context, device)},
                 .key = device.function->name.value,
                 .witness = "device " + ticked(device.function->name.value),
                 .primary = device.span});
        }
    }
    for (std::uint32_t p = 0; p < context.model.partitions.size(); ++p) {
        const PartitionFacts* facts = context.places->partitions[p].facts;
        if (facts == nullptr) {
            continue;
        }
        for (const manifest::Device& device : manifest.devices_of(facts->record)) {
            if (device.bdf != manifest::kNobody) {
                found.push_back({device.bdf, device.bdf + 1ULL, p});
            }
        }
    }
    declared = sorted(std::move(declared));
    found = sorted(std::move(found));
    if (!is_disjoint(declared) || !is_disjoint(found)) {
        return; // dev.exclusive says so
    }
    const auto whose = [&](std::uint64_t partition) {
        return partition == kAbsent ? std::string("nobody")
                                    : partition_name(context.model, static_cast<std::uint32_t>(partition));
    };
    const std::vector<Difference> differ = differences(joined(found), joined(declared));
    for (const Difference& difference : differ) {
        const std::string who = requester_text(static_cast<std::uint32_t>(difference.first));
        judge.violated({.message = fmt::format("in the image {} belongs to {}, expected {}", who,
                                               whose(difference.left), whose(difference.right)),
                        .key = who,
                        .witness = "function " + who});
    }
    judge.solver_agrees(differ.empty(), [&](unsigned timeout) {
        return smt::equal_functions("dev.exists", found, declared, false, timeout);
    });
}

void exclusive_model(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    std::map<std::string, std::pair<std::string, config::Span>> owners;
    for (const config::Partition& partition : context.model.partitions) {
        for (const config::Spanned<std::string>& device : partition.devices) {
            judge.rests_on(device.span);
            const auto [first, fresh] = owners.emplace(device.value, std::pair{partition.name.value, device.span});
            if (!fresh) {
                judge.violated({.message = fmt::format("`{}` and `{}` both own device `{}`", partition.name.value,
                                                       first->second.first, device.value),
                                .partitions = {partition.name.value, first->second.first},
                                .key = device.value,
                                .witness = "device " + ticked(device.value),
                                .primary = device.span,
                                .related = {{first->second.second, fmt::format("`{}` owns it", first->second.first)}}});
            }
        }
    }
}

void exclusive_bytes(const Context& context, Judge& judge) {
    const decode::Manifest& manifest = context.facts->manifest;
    Pieces pieces;
    for (std::size_t i = 0; i < manifest.devices.size(); ++i) {
        if (manifest.devices[i].bdf != manifest::kNobody) {
            pieces.push_back({manifest.devices[i].bdf, manifest.devices[i].bdf + 1ULL, i});
        }
    }
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        const std::string who = requester_text(static_cast<std::uint32_t>(overlap.first));
        judge.violated({.message = fmt::format("in the image {} is given away twice, as `{}` and as `{}`", who,
                                               decode::text(manifest.devices[overlap.earlier].name),
                                               decode::text(manifest.devices[overlap.later].name)),
                        .key = who,
                        .witness = "function " + who});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_twice("dev.exclusive", pieces, timeout); });
}

void together(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    const config::Board& board = context.model.board;
    const std::vector<AssignedDevice> devices = assigned_devices(context);
    for (std::size_t i = 0; i < devices.size(); ++i) {
        judge.rests_on(devices[i].span);
        for (std::size_t k = 0; k < i; ++k) {
            const AssignedDevice& a = devices[i];
            const AssignedDevice& b = devices[k];
            if (a.partition == b.partition || a.function == b.function) {
                continue;
            }
            const unsigned bus = a.function->bdf >> 8;
            const bool one_device = a.function->bdf >> 3 == b.function->bdf >> 3;
            const bool one_group = a.function->group.value == b.function->group.value;
            // Several devices on one bus below a bridge are conventional PCI: they share the bridge's requester id.
            const bool one_bus = bus != 0 && bus == static_cast<unsigned>(b.function->bdf >> 8);
            if (!one_device && !one_group && !one_bus) {
                continue;
            }
            const config::BoardPciFunction* bridge = bridge_above(board, *a.function);
            const std::string why = one_device ? "are functions of one device"
                                    : one_group
                                        ? fmt::format("are in group {}", a.function->group.value)
                                        : fmt::format("lie behind one bridge{}",
                                                      bridge == nullptr ? "" : ", " + ticked(bridge->name.value));
            judge.violated(
                {.message =
                     fmt::format("`{}` of `{}` and `{}` of `{}` {}, and can't be kept apart", a.function->name.value,
                                 owner_name(context, a), b.function->name.value, owner_name(context, b), why),
                 .partitions = {owner_name(context, a), owner_name(context, b)},
                 .key = a.function->name.value + "+" + b.function->name.value,
                 .witness = fmt::format("requesters {} and {}", requester_text(b.function->bdf),
                                        requester_text(a.function->bdf)),
                 .primary = a.span,
                 .related = {{b.span, fmt::format("`{}` owns `{}`", owner_name(context, b), b.function->name.value)}}});
        }
    }
}

bool restartable(const config::Partition& partition) {
    const auto& causes = partition.on_fault.by_cause;
    return std::find(causes.begin(), causes.end(), config::FaultAction::restart) != causes.end();
}

void reset_model(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    const config::Board& board = context.model.board;
    const std::vector<AssignedDevice> devices = assigned_devices(context);
    for (const AssignedDevice& device : devices) {
        judge.rests_on(device.span);
        const config::BoardPciFunction& function = *device.function;
        const auto say = [&](std::string message, const char* key, std::string help) {
            judge.violated({.message = std::move(message),
                            .partitions = {owner_name(context, device)},
                            .key = function.name.value + ":" + key,
                            .witness = "device " + ticked(function.name.value),
                            .primary = device.span,
                            .related = {{function.name.span, "the board's entry"}},
                            .help = std::move(help)});
        };
        if (function.reset == config::DeviceReset::none && restartable(context.model.partitions[device.partition])) {
            say(fmt::format("`{}` may be restarted, but its device `{}` can't be reset", owner_name(context, device),
                            function.name.value),
                "none",
                "state the device's `reset` in the board file, or let no cause restart the partition: `on_fault: "
                "{action: stop, reset: stop}`");
        }
        const bool capability = function.reset == config::DeviceReset::flr && function.pcie_at == 0;
        const bool power = function.reset == config::DeviceReset::power && function.power_at == 0;
        if (capability || power) {
            say(fmt::format("`{}` is to be reset by a capability that it does not have", function.name.value),
                "capability", "state where the capability is, or another `reset`");
        }
        if (function.reset != config::DeviceReset::bus) {
            continue;
        }
        const config::BoardPciFunction* bridge = bridge_above(board, function);
        if (bridge == nullptr) {
            say(fmt::format("`{}` is to be reset by the bridge above it, and there is none", function.name.value),
                "bridge", "state another `reset`");
            continue;
        }
        for (const config::BoardPciFunction& other : board.pci) {
            const unsigned bus = other.bdf >> 8;
            const bool below = bus >= bridge->bridge.secondary && bus <= bridge->bridge.subordinate;
            const bool own = std::any_of(devices.begin(), devices.end(), [&](const AssignedDevice& d) {
                return d.function == &other && d.partition == device.partition;
            });
            if (below && !own && !other.is_bridge) {
                say(fmt::format("resetting `{}` by its bus resets `{}` as well, which `{}` does not own",
                                function.name.value, other.name.value, owner_name(context, device)),
                    other.name.value.c_str(), "give all functions behind the bridge to one partition");
            }
        }
    }
}

void reset_bytes(const Context& context, Judge& judge) {
    for (const AssignedDevice& device : assigned_devices(context)) {
        if (device.record == nullptr) {
            continue; // dev.exists says so
        }
        const config::BoardPciFunction& function = *device.function;
        manifest::ResetKind kind = manifest::ResetKind::none;
        std::uint64_t at = 0;
        std::uint64_t bridge = manifest::kNobody;
        switch (function.reset) {
        case config::DeviceReset::none:
            break;
        case config::DeviceReset::flr:
            kind = manifest::ResetKind::flr;
            at = function.pcie_at;
            break;
        case config::DeviceReset::af_flr: {
            constexpr std::uint8_t kAdvancedFeatures = 0x13; // PCI AF ECN
            kind = manifest::ResetKind::af_flr;
            for (const config::BoardCapability& capability : function.capabilities) {
                at = capability.id == kAdvancedFeatures ? capability.at : at;
            }
            break;
        }
        case config::DeviceReset::power:
            kind = manifest::ResetKind::power;
            at = function.power_at;
            break;
        case config::DeviceReset::bus:
            kind = manifest::ResetKind::bus;
            if (const config::BoardPciFunction* above = bridge_above(context.model.board, function)) {
                bridge = above->bdf;
            }
            break;
        }
        if (device.record->reset != kind || device.record->reset_at != at || device.record->bridge != bridge) {
            judge.violated({.message = fmt::format("`{}` is reset in another way in the image (kind {}, capability at "
                                                   "{:#x}), expected kind {} at {:#x}",
                                                   function.name.value, static_cast<unsigned>(device.record->reset),
                                                   device.record->reset_at, static_cast<unsigned>(kind), at),
                            .partitions = {owner_name(context, device)},
                            .key = function.name.value + ":image",
                            .witness = "device " + ticked(function.name.value),
                            .primary = device.span});
        }
    }
}

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

constexpr const char* kGiveBack = "let one partition own the device and others ask it by a channel";
constexpr const char* kRebuild = "build the image anew; if it stays, the image was altered";

} // namespace

const Property kDevExists{
    .id = "dev.exists",
    .title = "assigned devices are on the board, and in the image",
    .statement = "Every device that a partition owns is a function of the board. The image gives each function to the "
                 "partition that the file names and no other function to anybody.",
    .level = Level::bytes,
    .rests_on = "the board file, whose functions the kernel looks for before launch (board.contract)",
    .manual = "PCI Local Bus 3.0 §6.2; septum/manifest/manifest.hpp: Device",
    .mend = "name a device of the board file",
    .model = exists_model,
    .bytes = exists_bytes,
};

const Property kDevExclusive{
    .id = "dev.exclusive",
    .title = "each device has one owner",
    .statement = "No device is owned by two partitions, in the file or in the image.",
    .level = Level::bytes,
    .rests_on = "the model and the manifest",
    .manual = "PCI Local Bus 3.0 §6.2",
    .mend = kGiveBack,
    .model = exclusive_model,
    .bytes = exclusive_bytes,
};

const Property kDevFunctionsTogether{
    .id = "dev.functions-together",
    .title = "functions that can't be told apart stay together",
    .statement =
        "Assigned functions of one device, of one group of the board file, or on one bus below a bridge have one "
        "owner. That the image gives them to it is dev.exists.",
    .level = Level::model,
    .rests_on = "the board file's groups",
    .manual = "PCI Express Base 5.0 §6.12; PCI Express to PCI bridge 1.0 §2.3",
    .mend = "give all of them to one partition",
    .model = together,
};

const Property kDevReset{
    .id = "dev.reset",
    .title = "a device is reset between its owner's lives",
    .statement =
        "Every device of a partition that any cause restarts can be reset: by a capability that it has, or by its "
        "bus, all of whose functions the partition owns. The image resets it in the way that the board states. That "
        "the kernel does so, in the right order, is level `handler`: tested, not proved.",
    .level = Level::bytes,
    .rests_on = "the board file",
    .manual = "PCI Express Base 5.0 §6.6.2, §7.5.3.4; PCI Power Management 1.2 §3.2.4; PCI-to-PCI bridge 1.2 §3.2.5.18",
    .mend = kRebuild,
    .model = reset_model,
    .bytes = reset_bytes,
};

const Property kDevBarsOwned{
    .id = "dev.bars-owned",
    .title = "a device's registers belong to its owner",
    .statement =
        "No two BARs of the board overlap; no partition reaches a BAR of a function that it does not own; the image "
        "programs each BAR of an assigned device where the board says, and shows it at its one place of its owner's "
        "window: the largest first, each at the next boundary of its size. What the owner reaches of it is "
        "mem.exact.",
    .level = Level::bytes,
    .rests_on =
        "the kernel's boot part, which programs the BARs and reads them back; the nested page tables, as decoded",
    .manual = "PCI Local Bus 3.0 §6.2.5",
    .mend = kRebuild,
    .model = bars_model,
    .bytes = bars_bytes,
};

} // namespace septum::verifier
