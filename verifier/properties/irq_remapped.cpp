// SPDX-License-Identifier: Apache-2.0
// irq.remapped: no interrupt passes unmapped.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/interrupts.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void remapped(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kNothingRemaps)) {
        return;
    }
    const DeviceFacts& unit = context.facts->devices;
    const auto handle = watchdog_handle(context);
    Pieces present; // VT-d: handles; AMD-Vi: requester id above the index
    const auto enabled = [&](const decode::InterruptEntry& entry, std::uint64_t key) {
        present.push_back({key, key + 1, 0});
        if (!handle || amd_vi(context) || key != *handle) {
            judge.violated(
                {.message = fmt::format("interrupt remapping entry {} of {} is present before any guest runs",
                                        entry.index, requester_text(entry.source)),
                 .key = fmt::format("entry{}", key),
                 .witness = fmt::format("entry {}", entry.index)});
        }
    };
    for (const decode::InterruptEntry& entry : unit.interrupts.present) {
        enabled(entry, entry.index);
    }
    for (const decode::DeviceInterruptTable& table : unit.interrupt_tables) {
        for (const decode::InterruptEntry& entry : table.enabled) {
            enabled(entry, static_cast<std::uint64_t>(table.requester) << 16 | entry.index);
        }
    }
    Pieces allowed;
    if (handle && !amd_vi(context)) {
        allowed.push_back({*handle, *handle + 1ULL, 0});
        if (present.empty()) {
            judge.violated({.message = fmt::format("the watchdog's interrupt entry {} is not present", *handle),
                            .key = "watchdog",
                            .witness = fmt::format("entry {}", *handle)});
        }
    }
    const bool holds = without(present, allowed).empty();
    judge.solver_agrees(holds, [&](unsigned timeout) {
        return smt::within("irq.remapped: present entries", united(present), allowed, timeout);
    });
    Pieces open;
    for (const decode::InterruptRoute& route : unit.routes) {
        if (route.state == decode::InterruptState::unmapped || route.state == decode::InterruptState::unknown) {
            open.push_back({route.first, route.last + 1ULL, 0});
            judge.violated({.message = fmt::format("interrupts of {} are {}", requester_text(route.first),
                                                   decode::name(route.state)),
                            .key = requester_text(route.first),
                            .witness = "requester " + requester_text(route.first)});
        }
    }
    judge.solver_agrees(open.empty(), [&](unsigned timeout) {
        return smt::never_both("irq.remapped: requesters", open, {{0, kRequesterIds, 0}}, timeout);
    });
}

} // namespace

const Property kIrqRemapped{
    .id = "irq.remapped",
    .title = "no interrupt passes unmapped",
    .statement =
        "Before the first guest runs no entry of any interrupt table is present but the watchdog's. Under AMD-Vi no "
        "requester's interrupts of any kind (fixed, arbitrated, INIT, ExtINT, NMI, LINT0, LINT1) pass as they are.",
    .level = Level::bytes,
    .rests_on = kRemappingOn,
    .manual = "VT-d specification §5.1.4, §9.10, §11.4.4; AMD IOMMU specification §2.2.2, §2.2.5",
    .mend = kImageAltered,
    .bytes = remapped,
};

} // namespace septum::verifier
