// SPDX-License-Identifier: Apache-2.0
// Interrupts of devices: whose each handle is, that each comes from its device, and that nothing else gets through.
#include "verifier/properties/assigned.hpp"
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr std::uint64_t kRequesters = 0x1'0000;
constexpr std::uint8_t kNmi = 4;           // delivery mode (VT-d §9.10, DLM)
constexpr std::uint64_t kChecked = 1 << 2; // SVT = 01b, SQ = 00b: all bits of the source are compared
constexpr const char* kOtherwise = "nothing remaps interrupts";

bool amd_vi(const Context& context) {
    return context.facts->devices.record.kind == manifest::IommuKind::amd_vi;
}

// The watchdog's entry of the interrupt table; nothing when its messages don't pass the unit.
std::optional<std::uint32_t> watchdog_handle(const Context& context) {
    const manifest::Watchdog& watchdog = context.facts->manifest.header.watchdog;
    if (watchdog.kind == manifest::WatchdogKind::none || watchdog.handle == ~0U) {
        return std::nullopt;
    }
    return watchdog.handle;
}

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
    Pieces expected = without({{0, kRequesters, static_cast<std::uint64_t>(Fate::none)}}, own);
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
    if (!has_unit(context, judge, kOtherwise)) {
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

void remapped(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kOtherwise)) {
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
        return smt::never_both("irq.remapped: requesters", open, {{0, kRequesters, 0}}, timeout);
    });
}

void source_checked(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kOtherwise)) {
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

constexpr std::uint32_t kIcr = 0x830; // x2APIC (APM 2 §16.11)
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
}

constexpr const char* kRebuild = "build the image anew; if it stays, the image was altered";
constexpr const char* kUnitOn = "the kernel, which turns interrupt remapping on before the first guest runs and checks "
                                "that it is; at run time it sets vector and destination of these entries only, which "
                                "is level `handler`: tested, not proved";

} // namespace

const Property kIrqOwned{
    .id = "irq.owned",
    .title = "each interrupt handle has one owner",
    .statement =
        "VT-d: each handle that a device was given names that device as its source in the remapping table, no handle "
        "has "
        "two owners, and no other entry names anybody. AMD-Vi: each assigned device has an interrupt table of its own, "
        "long enough for its interrupts, and every other requester's interrupts are refused. How many interrupts a "
        "device "
        "has and where its MSI-X table lies is as the board says.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = "VT-d specification §5.1, §9.10; AMD IOMMU specification §2.2.2, §2.2.5",
    .mend = kRebuild,
    .bytes = interrupts_owned,
};

const Property kIrqSourceChecked{
    .id = "irq.source-checked",
    .title = "interrupts come from their device",
    .statement =
        "VT-d: every entry that has an owner has SVT = 01b and SQ = 00b, so that the unit compares all bits of the "
        "requester id. AMD-Vi: each device's interrupt table is reached from that one requester id only.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = "VT-d specification §9.10; AMD IOMMU specification §2.2.2",
    .mend = kRebuild,
    .bytes = source_checked,
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
    .title = "doorbells raise interrupts, watchdog and IOMMU an NMI",
    .statement =
        "Every doorbell's vector is 32 or above, or none. The watchdog's entry of the remapping table sends an NMI "
        "to the one CPU that the manifest names. The board has that CPU, and the one that the IOMMU tells of faults.",
    .level = Level::bytes,
    .rests_on = "the manifest in the image",
    .manual = "AMD APM volume 2 §8.2; VT-d specification §9.10",
    .mend = kRebuild,
    .bytes = vectors,
};

const Property kIrqRemapped{
    .id = "irq.remapped",
    .title = "no interrupt passes unmapped",
    .statement =
        "Before the first guest runs no entry of any interrupt table is present but the watchdog's. Under AMD-Vi no "
        "requester's interrupts of any kind (fixed, arbitrated, INIT, ExtINT, NMI, LINT0, LINT1) pass as they are.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = "VT-d specification §5.1.4, §9.10, §11.4.4; AMD IOMMU specification §2.2.2, §2.2.5",
    .mend = kRebuild,
    .bytes = remapped,
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

} // namespace septum::verifier
