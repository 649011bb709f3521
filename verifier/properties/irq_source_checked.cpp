// SPDX-License-Identifier: Apache-2.0
// irq.source-checked: interrupts come from their device.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/interrupts.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr std::uint64_t kChecked = 1 << 2; // SVT = 01b, SQ = 00b: all bits of the source are compared

void source_checked(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kNothingRemaps)) {
        return;
    }
    const DeviceFacts& unit = context.facts->devices;
    if (amd_vi(context)) {
        // The unit picks the table by the requester id; so each device's table must be one requester's only.
        Pieces used;
        for (const decode::InterruptRoute& route : unit.routes) {
            if (route.state != decode::InterruptState::remapped || route.table >= unit.interrupt_tables.size()) {
                continue;
            }
            const decode::DeviceInterruptTable& table = unit.interrupt_tables[route.table];
            for (const manifest::Device& device : context.facts->manifest.devices) {
                // A run of several requesters counts twice at least.
                for (unsigned n = 0; device.handles != 0 && device.interrupt_table.value == table.base &&
                                     n < std::min(2U, route.last - route.first + 1);
                     ++n) {
                    used.push_back({table.base, table.base + 1, route.first + n});
                }
            }
        }
        const std::vector<Overlap> found = overlaps(used);
        for (const Overlap& overlap : found) {
            judge.violated({.message = fmt::format("{} and {} use one interrupt table",
                                                   requester_text(static_cast<std::uint32_t>(overlap.earlier)),
                                                   requester_text(static_cast<std::uint32_t>(overlap.later))),
                            .key = requester_text(static_cast<std::uint32_t>(overlap.later)),
                            .witness = "host-physical " + address(overlap.first)});
        }
        judge.solver_agrees(found.empty(),
                            [&](unsigned timeout) { return smt::never_twice("irq.source-checked", used, timeout); });
        return;
    }
    Pieces actual;
    Pieces expected;
    const auto add = [&](std::uint32_t index, std::uint16_t source, std::uint8_t check, std::uint8_t qualifier) {
        const std::uint64_t value = static_cast<std::uint64_t>(check) << 2 | qualifier;
        actual.push_back({index, index + 1ULL, value});
        expected.push_back({index, index + 1ULL, kChecked});
        if (value != kChecked) {
            judge.violated({.message = fmt::format("interrupt handle {} of {} {}", index, requester_text(source),
                                                   check == 0 ? "may be used by every device"
                                                              : "may be used by other functions too"),
                            .key = fmt::format("handle{}", index),
                            .witness = fmt::format("handle {}", index)});
        }
    };
    bool holds = true;
    for (const decode::ReservedHandle& handle : unit.interrupts.reserved) {
        add(handle.index, handle.source, handle.source_check, handle.qualifier);
    }
    for (const decode::InterruptEntry& entry : unit.interrupts.present) {
        add(entry.index, entry.source, entry.source_check, entry.qualifier);
    }
    actual = sorted(std::move(actual));
    expected = sorted(std::move(expected));
    holds = differences(joined(actual), joined(expected)).empty();
    judge.solver_agrees(holds, [&](unsigned timeout) {
        return smt::equal_functions("irq.source-checked", actual, expected, false, timeout);
    });
}

} // namespace

const Property kIrqSourceChecked{
    .id = "irq.source-checked",
    .title = "interrupts come from their device",
    .statement =
        "VT-d: every entry that has an owner has SVT = 01b and SQ = 00b, so that the unit compares all bits of the "
        "requester id. AMD-Vi: each device's interrupt table is reached from that one requester id only.",
    .level = Level::bytes,
    .rests_on = kRemappingOn,
    .manual = "VT-d specification §9.10; AMD IOMMU specification §2.2.2",
    .mend = kImageAltered,
    .bytes = source_checked,
};

} // namespace septum::verifier
