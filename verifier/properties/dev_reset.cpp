// SPDX-License-Identifier: Apache-2.0
// dev.reset: a device is reset between its owner's lives.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/owner.hpp"
#include "verifier/properties/shared/wording.hpp"
#include "verifier/properties/shared/words.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

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

// The same for the solver: words of the records.
smt::Answer reset_by_solver(const Context& context, unsigned timeout) {
    using enum config::DeviceReset;
    constexpr std::pair<config::DeviceReset, manifest::ResetKind> kKinds[] = {
        {none, manifest::ResetKind::none},   {flr, manifest::ResetKind::flr}, {af_flr, manifest::ResetKind::af_flr},
        {power, manifest::ResetKind::power}, {bus, manifest::ResetKind::bus},
    };
    Words words;
    for (const AssignedDevice& device : assigned_devices(context)) {
        if (device.record == nullptr) {
            continue;
        }
        const config::BoardPciFunction& function = *device.function;
        std::uint64_t advanced = 0; // where its AF capability is
        for (const config::BoardCapability& capability : function.capabilities) {
            advanced = capability.id == 0x13 ? capability.at : advanced;
        }
        for (const auto& [declared, kind] : kKinds) {
            if (function.reset == declared) {
                words.is(static_cast<std::uint64_t>(device.record->reset), static_cast<std::uint64_t>(kind));
            }
        }
        words.is(device.record->reset_at, function.reset == flr      ? function.pcie_at
                                          : function.reset == power  ? function.power_at
                                          : function.reset == af_flr ? advanced
                                                                     : 0);
        const config::BoardPciFunction* above = bridge_above(context.model.board, function);
        words.is(device.record->bridge, function.reset == bus && above != nullptr ? above->bdf : manifest::kNobody);
    }
    return words.allowed("dev.reset", timeout);
}

void reset_bytes(const Context& context, Judge& judge) {
    const std::size_t before = judge.found();
    const std::vector<AssignedDevice> devices = assigned_devices(context);
    if (devices.empty()) {
        return;
    }
    for (const AssignedDevice& device : devices) {
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
    judge.solver_agrees(judge.found() == before, [&](unsigned timeout) { return reset_by_solver(context, timeout); });
}

} // namespace

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
    .mend = kImageAltered,
    .model = reset_model,
    .bytes = reset_bytes,
};

} // namespace septum::verifier
