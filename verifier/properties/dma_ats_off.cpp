// SPDX-License-Identifier: Apache-2.0
// dma.ats-off: no device translates for itself.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/requesters.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void ats_off(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kNothingBlocksDma)) {
        return;
    }
    const decode::DmaTables& dma = context.facts->devices.dma;
    Pieces believed;
    for (const decode::RequesterInterval& interval : dma.requesters) {
        const bool device_tlb = interval.state == decode::DmaState::translated &&
                                interval.domain < dma.domains.size() && dma.domains[interval.domain].device_tlb;
        if (device_tlb) {
            believed.push_back({interval.first, static_cast<std::uint64_t>(interval.last) + 1, 0});
            judge.violated({.message = fmt::format("requests of {} reach memory by addresses that the device says are "
                                                   "translated",
                                                   requesters_text(interval.first, interval.last + 1ULL)),
                            .key = requester_text(interval.first),
                            .witness = "requester " + requester_text(interval.first)});
        }
    }
    judge.solver_agrees(believed.empty(), [&](unsigned timeout) {
        return smt::never_both("dma.ats-off", believed, {{0, kRequesters, 0}}, timeout);
    });
}

} // namespace

const Property kDmaAtsOff{
    .id = "dma.ats-off",
    .title = "no device translates for itself",
    .statement =
        "No requester is believed when it says that an address is translated already: VT-d TT is not 01b, AMD-Vi I is "
        "0. The capability itself lies in extended configuration space, which no partition reaches "
        "(pci.config-filtered).",
    .level = Level::bytes,
    .rests_on = kDmaUnitOn,
    .manual = "VT-d specification §4.1, §9.3; AMD IOMMU specification §2.2.2; PCI Express Base 5.0 §10",
    .mend = kImageAltered,
    .bytes = ats_off,
};

} // namespace septum::verifier
