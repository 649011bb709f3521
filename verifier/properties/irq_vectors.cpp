// SPDX-License-Identifier: Apache-2.0
// irq.vectors: doorbells raise interrupts, watchdog and IOMMU an NMI.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/interrupts.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/words.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr std::uint8_t kNmi = 4; // delivery mode (VT-d §9.10, DLM)

// The same for the solver: words of the records and of the watchdog's entry, and whom NMIs go to among the board's
// CPUs.
smt::Answer vectors_by_solver(const Context& context, unsigned timeout) {
    const manifest::Header& header = context.facts->manifest.header;
    Words words;
    for (const manifest::Channel& channel : context.facts->manifest.channels) {
        // 32 to 255, or none, which stands above them here.
        words.between(channel.vector == 0 ? 256 : channel.vector, 32, 256);
    }
    Pieces targets;
    if (header.watchdog.kind != manifest::WatchdogKind::none) {
        targets.push_back({header.watchdog.apic_id, header.watchdog.apic_id + 1ULL, 0});
    }
    if (header.iommu.kind != manifest::IommuKind::none) {
        targets.push_back({header.iommu.fault_apic_id, header.iommu.fault_apic_id + 1ULL, 0});
    }
    if (const auto handle = watchdog_handle(context)) {
        const bool wide = (header.iommu.extended & header.iommu.extended_mask & 1U << 4) != 0;
        for (const decode::InterruptEntry& entry : context.facts->devices.interrupts.present) {
            if (entry.index == *handle) {
                words.is(entry.destination, std::uint32_t{header.watchdog.apic_id} << (wide ? 0 : 8));
                words.is(entry.delivery, kNmi);
                words.is(entry.posted ? 1 : 0, 0);
                words.is(entry.logical ? 1 : 0, 0);
            }
        }
    }
    Pieces cpus;
    for (const config::BoardCpu& cpu : context.model.board.cpus) {
        cpus.push_back({cpu.apic_id.value, cpu.apic_id.value + 1ULL, 0});
    }
    return smt::together({words.allowed("irq.vectors: records", timeout),
                          smt::within("irq.vectors: whom they go to", targets, cpus, timeout)});
}

void vectors(const Context& context, Judge& judge) {
    constexpr std::uint8_t kFirstFree = 32;
    for (const manifest::Channel& channel : context.facts->manifest.channels) {
        if (channel.vector != 0 && channel.vector < kFirstFree) {
            const std::string name = decode::text(channel.name);
            judge.violated(
                {.message = fmt::format("the doorbell of `{}` raises vector {}, which the processor keeps for "
                                        "exceptions",
                                        name, channel.vector),
                 .key = "channel-" + name,
                 .witness = fmt::format("vector {}", channel.vector)});
        }
    }
    const auto handle = watchdog_handle(context);
    const manifest::Watchdog& watchdog = context.facts->manifest.header.watchdog;
    for (const decode::InterruptEntry& entry : context.facts->devices.interrupts.present) {
        if (!handle || entry.index != *handle) {
            continue; // irq.remapped says that it should not be there
        }
        // ECAP_REG.EIM (§11.4.3), by which the kernel chooses the format; board.contract compares it with the board
        // file.
        const manifest::Iommu& unit = context.facts->devices.record;
        const bool extended = (unit.extended & unit.extended_mask & 1U << 4) != 0;
        const std::uint32_t destination = extended ? watchdog.apic_id : watchdog.apic_id << 8;
        if (entry.posted || entry.logical || entry.delivery != kNmi || entry.destination != destination) {
            judge.violated(
                {.message = fmt::format("the watchdog's interrupt goes to {:#x} in delivery mode {}, expected "
                                        "an NMI to {:#x}",
                                        entry.destination, entry.delivery, destination),
                 .key = "watchdog",
                 .witness = fmt::format("handle {}", entry.index)});
        }
    }
    // Not to a CPU that is not there, nor to an id that all of them answer to.
    const auto must_exist = [&](const char* whose, std::uint32_t apic_id, const char* key) {
        const auto& cpus = context.model.board.cpus;
        if (std::none_of(cpus.begin(), cpus.end(),
                         [&](const config::BoardCpu& cpu) { return cpu.apic_id.value == apic_id; })) {
            judge.violated({.message = fmt::format("the {} NMI goes to APIC id {}, which board `{}` does not have",
                                                   whose, apic_id, context.model.board.name.value),
                            .key = key,
                            .witness = fmt::format("APIC id {}", apic_id)});
        }
    };
    if (watchdog.kind != manifest::WatchdogKind::none) {
        must_exist("watchdog's", watchdog.apic_id, "watchdog:cpu");
    }
    if (const manifest::Iommu& unit = context.facts->manifest.header.iommu; unit.kind != manifest::IommuKind::none) {
        must_exist("IOMMU's", unit.fault_apic_id, "faults:cpu");
    }
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return vectors_by_solver(context, timeout); });
}

} // namespace

const Property kIrqVectors{
    .id = "irq.vectors",
    .title = "doorbells raise interrupts, watchdog and IOMMU an NMI",
    .statement =
        "Every doorbell's vector is 32 or above, or none. The watchdog's entry of the remapping table sends an NMI to "
        "the one CPU that the manifest names. The board has that CPU, and the one that the IOMMU tells of faults.",
    .level = Level::bytes,
    .rests_on = "the manifest in the image",
    .manual = "AMD APM volume 2 §8.2; VT-d specification §9.10",
    .mend = kImageAltered,
    .bytes = vectors,
};

} // namespace septum::verifier
