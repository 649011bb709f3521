// SPDX-License-Identifier: Apache-2.0
// dma.absent-blocked: every requester that nobody owns is blocked.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/requesters.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// The requester ids in each state, as pieces; ids that the decoder left out count as unknown.
Pieces requesters(const DeviceFacts& devices) {
    Pieces out;
    for (const decode::RequesterInterval& interval : devices.dma.requesters) {
        out.push_back({interval.first, static_cast<std::uint64_t>(interval.last) + 1,
                       static_cast<std::uint64_t>(interval.state)});
    }
    return sorted(std::move(out));
}

void absent_blocked(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kNothingBlocksDma)) {
        return;
    }
    judge.rests_on(context.model.board.iommu.registers.span);
    const auto blocked = static_cast<std::uint64_t>(decode::DmaState::blocked);
    Pieces owned;
    for (const AssignedDevice& device : assigned_devices(context)) {
        judge.rests_on(device.span);
        owned.push_back({device.function->bdf, std::uint64_t{device.function->bdf} + 1, 0});
    }
    owned = united(std::move(owned), static_cast<std::uint64_t>(decode::DmaState::translated));
    Pieces expected = without({{0, kRequesters, blocked}}, owned);
    expected.insert(expected.end(), owned.begin(), owned.end());
    expected = joined(std::move(expected));
    const Pieces actual = requesters(context.facts->devices);
    const std::vector<Difference> found = differences(joined(actual), expected);
    for (const Difference& difference : found) {
        judge.violated({.message = fmt::format(
                            "requests of {} are {}, expected {}", requesters_text(difference.first, difference.end),
                            difference.left == kAbsent ? "not decided by any table"
                                                       : decode::name(static_cast<decode::DmaState>(difference.left)),
                            difference.right == blocked ? "blocked" : "translated"),
                        .key = requester_text(static_cast<std::uint32_t>(difference.first)),
                        .witness = "requester " + requester_text(static_cast<std::uint32_t>(difference.first))});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("dma.absent-blocked", actual, expected, false, timeout);
    });
    for (const Defect& defect : context.facts->devices.dma.defects.kept()) {
        judge.violated({.message = fmt::format("{}: {}, expected {:#x}, found {:#x}", defect.what,
                                               decode::name(defect.kind), defect.expected, defect.found),
                        .key = decode::name(defect.kind),
                        .witness = "host-physical " + address(defect.address)});
    }
}

} // namespace

const Property kDmaAbsentBlocked{
    .id = "dma.absent-blocked",
    .title = "every requester that nobody owns is blocked",
    .statement =
        "For each of the 65,536 requester ids: an assigned function is translated, every other is refused; none "
        "passes through or is left to a table outside the image. No entry has bits set that keep a fault from being "
        "reported or let exclusion ranges, port I/O or system management messages past.",
    .level = Level::bytes,
    .rests_on = kDmaUnitOn,
    .manual = kDmaTables,
    .mend = kImageAltered,
    .bytes = absent_blocked,
};

} // namespace septum::verifier
