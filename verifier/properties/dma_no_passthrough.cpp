// SPDX-License-Identifier: Apache-2.0
// dma.no-passthrough: no device bypasses translation.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/requesters.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void no_passthrough(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kNothingBlocksDma)) {
        return;
    }
    bool holds = true;
    Pieces through;
    for (const decode::RequesterInterval& interval : context.facts->devices.dma.requesters) {
        if (interval.state == decode::DmaState::passthrough) {
            holds = false;
            through.push_back({interval.first, static_cast<std::uint64_t>(interval.last) + 1, 0});
            judge.violated({.message = fmt::format("requests of {} reach all of memory untranslated",
                                                   requesters_text(interval.first, interval.last + 1ULL)),
                            .key = requester_text(interval.first),
                            .witness = "requester " + requester_text(interval.first)});
        }
    }
    judge.solver_agrees(holds, [&](unsigned timeout) {
        return smt::never_both("dma.no-passthrough", through, {{0, kRequesters, 0}}, timeout);
    });
}

} // namespace

const Property kDmaNoPassthrough{
    .id = "dma.no-passthrough",
    .title = "no device bypasses translation",
    .statement = "No requester id passes through untranslated. Under AMD-Vi an entry that is not valid would.",
    .level = Level::bytes,
    .rests_on = kDmaUnitOn,
    .manual = kDmaTables,
    .mend = kImageAltered,
    .bytes = no_passthrough,
};

} // namespace septum::verifier
