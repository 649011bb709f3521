// SPDX-License-Identifier: Apache-2.0
// DMA and interrupts of devices: none is assigned, so all are blocked.
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <map>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr std::uint32_t kRequesters = 0x1'0000;
constexpr const char* kNoUnit = "the board has no IOMMU; bus masters are off";
constexpr const char* kNoDevice = "no device is assigned";

bool any_device(const config::Model& model) {
    for (const config::Partition& partition : model.partitions) {
        if (!partition.devices.empty()) {
            return true;
        }
    }
    return false;
}

// The requester ids in each state, as pieces; ids that the decoder left out count as unknown.
Pieces requesters(const DeviceFacts& devices) {
    Pieces out;
    for (const decode::RequesterInterval& interval : devices.dma.requesters) {
        out.push_back({interval.first, static_cast<std::uint64_t>(interval.last) + 1,
                       static_cast<std::uint64_t>(interval.state)});
    }
    return sorted(std::move(out));
}

bool has_unit(const Context& context, Judge& judge) {
    if (context.model.board.iommu.kind == config::BoardIommu::none) {
        judge.not_applicable(kNoUnit);
        return false;
    }
    if (!context.facts->devices.present) {
        judge.violated({.message = "the image drives no IOMMU, so nothing blocks DMA",
                        .key = "absent",
                        .primary = context.model.board.iommu.registers.span});
        return false;
    }
    return true;
}

void absent_blocked(const Context& context, Judge& judge) {
    if (!has_unit(context, judge)) {
        return;
    }
    judge.rests_on(context.model.board.iommu.registers.span);
    const Pieces actual = requesters(context.facts->devices);
    const Pieces expected{{0, kRequesters, static_cast<std::uint64_t>(decode::DmaState::blocked)}};
    const std::vector<Difference> found = differences(joined(actual), expected);
    for (const Difference& difference : found) {
        const auto first = static_cast<std::uint32_t>(difference.first);
        const auto last = static_cast<std::uint32_t>(difference.end - 1);
        judge.violated({.message = fmt::format("requests of {} are {}, expected blocked",
                                               first == last ? requester_text(first)
                                                             : requester_text(first) + " to " + requester_text(last),
                                               difference.left == kAbsent
                                                   ? "not decided by any table"
                                                   : decode::name(static_cast<decode::DmaState>(difference.left))),
                        .key = requester_text(first),
                        .witness = "requester " + requester_text(first)});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("dma.absent-blocked", actual, expected, false, timeout);
    });
    if (context.facts->devices.dma.defects.total() != 0) {
        const Defect& defect = context.facts->devices.dma.defects.kept().front();
        judge.violated({.message = fmt::format("{}: {}, expected {:#x}, found {:#x}", defect.what,
                                               decode::name(defect.kind), defect.expected, defect.found),
                        .key = decode::name(defect.kind),
                        .witness = "host-physical " + address(defect.address)});
    }
}

void no_passthrough(const Context& context, Judge& judge) {
    if (!has_unit(context, judge)) {
        return;
    }
    bool holds = true;
    Pieces through;
    for (const decode::RequesterInterval& interval : context.facts->devices.dma.requesters) {
        const bool device_tlb = interval.state == decode::DmaState::translated &&
                                interval.domain < context.facts->devices.dma.domains.size() &&
                                context.facts->devices.dma.domains[interval.domain].device_tlb;
        if (interval.state == decode::DmaState::passthrough || device_tlb) {
            holds = false;
            through.push_back({interval.first, static_cast<std::uint64_t>(interval.last) + 1, 0});
            judge.violated(
                {.message = fmt::format("requests of {} reach {}", requester_text(interval.first),
                                        device_tlb ? "memory by addresses that the device says are translated"
                                                   : "all of memory untranslated"),
                 .key = requester_text(interval.first),
                 .witness = "requester " + requester_text(interval.first)});
        }
    }
    judge.solver_agrees(holds, [&](unsigned timeout) {
        return smt::never_both("dma.no-passthrough", through, {{0, kRequesters, 0}}, timeout);
    });
}

void confined(const Context& context, Judge& judge) {
    if (!has_unit(context, judge)) {
        return;
    }
    Pieces reach;
    for (std::size_t d = 0; d < context.facts->devices.dma.domains.size(); ++d) {
        const decode::DmaDomain& domain = context.facts->devices.dma.domains[d];
        for (const Interval& interval : domain.reach) {
            reach.push_back({interval.hpa, interval.hpa + interval.size, d});
            judge.violated({.message = fmt::format("DMA domain {} reaches {}, but no device is assigned", domain.id,
                                                   range(interval.hpa, interval.hpa + interval.size)),
                            .key = fmt::format("domain{}", domain.id),
                            .witness = "host-physical " + address(interval.hpa)});
        }
        if (!domain.complete) {
            judge.violated({.message = fmt::format("the tables of DMA domain {} can't be read to their end", domain.id),
                            .key = fmt::format("domain{}:incomplete", domain.id)});
        }
    }
    judge.solver_agrees(reach.empty(),
                        [&](unsigned timeout) { return smt::within("dma.confined", united(reach), {}, timeout); });
}

void interrupts_owned(const Context& context, Judge& judge) {
    if (!has_unit(context, judge)) {
        return;
    }
    const decode::InterruptTable& table = context.facts->devices.interrupts;
    if (!table.readable) {
        judge.violated({.message = "the interrupt remapping table can't be read", .key = "unreadable"});
    }
    for (const decode::InterruptEntry& entry : table.present) {
        judge.violated(
            {.message = fmt::format("interrupt remapping entry {} is present, but no device is assigned", entry.index),
             .key = fmt::format("entry{}", entry.index),
             .witness = fmt::format("entry {}", entry.index)});
    }
    for (const Defect& defect : table.defects.kept()) {
        judge.violated({.message = fmt::format("{}: {}, expected {:#x}, found {:#x}", defect.what,
                                               decode::name(defect.kind), defect.expected, defect.found),
                        .key = decode::name(defect.kind),
                        .witness = "host-physical " + address(defect.address)});
    }
}

// The ways a guest could send an interrupt or disturb how it takes them: all must exit. What the kernel then lets
// pass is its handler's affair.
void apic_writes_exit(const Context& context, Judge& judge, std::uint32_t first, std::uint32_t last,
                      const char* query) {
    Pieces registers{{first, static_cast<std::uint64_t>(last) + 1, 0}};
    Pieces writes;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        const PartitionFacts& facts = context.facts->partitions[p];
        for (const decode::MsrInterval& msrs : facts.msrpm.writes) {
            writes.push_back({msrs.first, static_cast<std::uint64_t>(msrs.last) + 1, p});
        }
    }
    const std::vector<Overlap> found = common(registers, writes);
    for (const Overlap& overlap : found) {
        const std::string& name = context.facts->partitions[overlap.later].name;
        judge.violated({.message = fmt::format("`{}` writes MSR {:#x} without an exit", name, overlap.first),
                        .partitions = {name},
                        .key = fmt::format("{:x}", overlap.first),
                        .witness = fmt::format("MSR {:#x}", overlap.first)});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_both(query, registers, united(writes), timeout); });
}

constexpr std::uint32_t kIcr = 0x830;
constexpr std::uint32_t kLvtFirst = 0x832;
constexpr std::uint32_t kLvtLast = 0x837;

void ipi(const Context& context, Judge& judge) {
    apic_writes_exit(context, judge, kIcr, kIcr, "irq.ipi");
}
void lvt(const Context& context, Judge& judge) {
    apic_writes_exit(context, judge, kLvtFirst, kLvtLast, "irq.lvt");
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
}

void exists(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    for (const config::Partition& partition : context.model.partitions) {
        for (const config::Spanned<std::string>& device : partition.devices) {
            judge.rests_on(device.span);
            bool found = false;
            for (const config::BoardPciFunction& function : context.model.board.pci) {
                found = found || function.name.value == device.value;
            }
            if (!found) {
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

void exclusive(const Context& context, Judge& judge) {
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

// What needs an assigned device: without one it has no meaning, with one it can't be shown yet.
void needs_device(const Context& context, Judge& judge) {
    if (any_device(context.model)) {
        judge.inconclusive("a device is assigned, and this version can't prove that it is confined");
    } else {
        judge.not_applicable(kNoDevice);
    }
}

constexpr const char* kVtd = "VT-d specification §9.1, §9.3";
constexpr const char* kRebuild = "build the image anew; if it stays, the image was altered";
constexpr const char* kUnitOn = "the kernel, which turns the unit on before anything else and checks that it is; DMA "
                                "before that is outside";
constexpr const char* kGiveBack = "let one partition own the device and others ask it by a channel";

} // namespace

const Property kDmaAbsentBlocked{
    .id = "dma.absent-blocked",
    .title = "all 65,536 requester ids are blocked",
    .statement = "The IOMMU's tables refuse every DMA request of every bus, device and function: no id is translated, "
                 "passed through, or left to a table outside the image.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = kVtd,
    .mend = kRebuild,
    .bytes = absent_blocked,
};

const Property kDmaNoPassthrough{
    .id = "dma.no-passthrough",
    .title = "no device bypasses translation",
    .statement = "No requester id passes through untranslated, and none is believed when it says that an address is "
                 "translated already.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = kVtd,
    .mend = kRebuild,
    .bytes = no_passthrough,
};

const Property kDmaConfined{
    .id = "dma.confined",
    .title = "DMA reaches only its owner's memory",
    .statement = "No DMA domain reaches any memory: no device is assigned, so none is granted.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = "VT-d specification §9.8",
    .mend = kRebuild,
    .bytes = confined,
};

const Property kIrqOwned{
    .id = "irq.owned",
    .title = "no device's interrupt reaches anybody",
    .statement = "No entry of the interrupt remapping table is present, so no remappable interrupt of any device is "
                 "delivered: none is declared.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = "VT-d specification §5.1, §9.10",
    .mend = kRebuild,
    .bytes = interrupts_owned,
};

const Property kIrqIpi{
    .id = "irq.ipi",
    .title = "interrupts between processors leave the guest",
    .statement = "No partition writes the interrupt command register without an exit, and none reaches the APIC's page "
                 "(mem.kernel-private). That the kernel sends on only to the partition's own CPUs is level `handler`: "
                 "tested, not proved.",
    .level = Level::bytes,
    .rests_on = "the MSR permission maps in the image, as decoded",
    .manual = "AMD APM volume 2 §15.11, §16.5, §16.13",
    .mend = kRebuild,
    .bytes = ipi,
};

const Property kIrqLvt{
    .id = "irq.lvt",
    .title = "the local vector table is written only by the kernel",
    .statement =
        "No partition writes an entry of the local vector table without an exit, so none can ask for SMI, ExtINT or "
        "INIT delivery. That the kernel lets only fixed, NMI and masked entries pass is level `handler`: tested, "
        "not proved.",
    .level = Level::bytes,
    .rests_on = "the MSR permission maps in the image, as decoded",
    .manual = "AMD APM volume 2 §16.4",
    .mend = kRebuild,
    .bytes = lvt,
};

const Property kIrqVectors{
    .id = "irq.vectors",
    .title = "doorbells raise interrupts, not exceptions",
    .statement = "Every doorbell's vector is 32 or above, or none.",
    .level = Level::bytes,
    .rests_on = "the manifest in the image",
    .manual = "AMD APM volume 2 §8.2",
    .mend = kRebuild,
    .bytes = vectors,
};

const Property kIrqRemapped{
    .id = "irq.remapped",
    .title = "interrupts pass the remapping table",
    .statement = "Interrupt remapping is on and compatibility-format interrupts are off before the first guest runs.",
    .level = Level::checked_at_boot,
    .rests_on = "the kernel's code, tested in the emulator",
    .manual = "VT-d specification §5.1.4, §11.4.4",
    .mend = "",
    .fixed = Verdict::checked_at_boot,
    .reason = "the kernel turns remapping on and reads the status back; its code is tested, not proved",
};

const Property kIrqIoapicMasked{
    .id = "irq.ioapic-masked",
    .title = "the I/O APIC sends nothing",
    .statement =
        "The legacy interrupt controllers are masked before the first guest runs, and no partition reaches their "
        "registers (mem.within-board, io.dangerous).",
    .level = Level::checked_at_boot,
    .rests_on = "the kernel's code, tested in the emulator",
    .manual = "Intel 82093AA datasheet §3.2",
    .mend = "",
    .fixed = Verdict::checked_at_boot,
    .reason = "the kernel masks at boot; its code is tested, not proved",
};

const Property kDevExists{
    .id = "dev.exists",
    .title = "assigned devices are on the board",
    .statement = "Every device that a partition owns is a function of the board.",
    .level = Level::model,
    .rests_on = "the board file",
    .manual = "PCI Local Bus 3.0 §6.2",
    .mend = "name a device of the board file",
    .model = exists,
};

const Property kDevExclusive{
    .id = "dev.exclusive",
    .title = "each device has one owner",
    .statement = "No device is owned by two partitions.",
    .level = Level::model,
    .rests_on = "the model",
    .manual = "PCI Local Bus 3.0 §6.2",
    .mend = kGiveBack,
    .model = exclusive,
};

// One meaning each, for the day when a device can be assigned.
#define SEPTUM_NEEDS_DEVICE(symbol, name, heading, claim, section)                                                     \
    const Property symbol {                                                                                            \
        .id = name, .title = heading, .statement = claim, .level = Level::bytes, .rests_on = "the board file",         \
        .manual = section, .mend = "take the device away from the partition", .model = needs_device,                   \
    }

SEPTUM_NEEDS_DEVICE(kDevBarsOwned, "dev.bars-owned", "a device's registers belong to its owner",
                    "Every memory and port range of an assigned device is reached by its owner and by nobody else.",
                    "PCI Local Bus 3.0 §6.2.5");
SEPTUM_NEEDS_DEVICE(kDevFunctionsTogether, "dev.functions-together", "functions that can't be told apart stay together",
                    "Functions of one device, and devices behind one bridge that isolate nothing, have one owner.",
                    "PCI Express Base 5.0 §6.12");
SEPTUM_NEEDS_DEVICE(kDevReset, "dev.reset", "a device is reset between owners' lives",
                    "Every assigned device is reset before its partition is launched again.",
                    "PCI Express Base 5.0 §6.6.2");
SEPTUM_NEEDS_DEVICE(kDmaAtsOff, "dma.ats-off", "no device translates for itself",
                    "Address translation services are off in every assigned device.", "PCI Express Base 5.0 §10");
SEPTUM_NEEDS_DEVICE(kDmaReservedRegions, "dma.reserved-regions", "reserved regions hide nothing",
                    "Memory that firmware reserves for a device's DMA is given to no partition.",
                    "VT-d specification §8.4");
SEPTUM_NEEDS_DEVICE(kDmaP2p, "dma.p2p", "devices don't reach each other",
                    "No assigned device reaches another's registers past the IOMMU.", "PCI Express Base 5.0 §6.12");
SEPTUM_NEEDS_DEVICE(kIrqSourceChecked, "irq.source-checked", "interrupts come from their device",
                    "Every present interrupt remapping entry names the one function that may use it.",
                    "VT-d specification §9.10");

#undef SEPTUM_NEEDS_DEVICE

} // namespace septum::verifier
