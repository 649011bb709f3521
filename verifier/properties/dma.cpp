// SPDX-License-Identifier: Apache-2.0
// What devices reach by DMA: each of the 65,536 requester ids exactly what its owner's RAM is, or nothing.
#include "verifier/properties/assigned.hpp"
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr std::uint32_t kRequesters = 0x1'0000;
constexpr unsigned kAddressBits = 48; // of a DMA address, below the partition's number in one key
constexpr const char* kOtherwise = "nothing blocks DMA";

std::string requesters_text(std::uint64_t first, std::uint64_t end) {
    const auto a = static_cast<std::uint32_t>(first);
    const auto b = static_cast<std::uint32_t>(end - 1);
    return a == b ? requester_text(a) : requester_text(a) + " to " + requester_text(b);
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

void absent_blocked(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kOtherwise)) {
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

void no_passthrough(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kOtherwise)) {
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

void ats_off(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kOtherwise)) {
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

// The domain that a requester is translated by; null when it is not.
const decode::DmaDomain* domain_of(const decode::DmaTables& dma, std::uint16_t bdf) {
    for (const decode::RequesterInterval& interval : dma.requesters) {
        if (interval.first <= bdf && bdf <= interval.last && interval.state == decode::DmaState::translated &&
            interval.domain < dma.domains.size()) {
            return &dma.domains[interval.domain];
        }
    }
    return nullptr;
}

// Domains share the unit's caches by their id: one id must mean one set of tables.
void domain_ids(const Context& context, Judge& judge) {
    const decode::DmaTables& dma = context.facts->devices.dma;
    Pieces ids;
    for (std::size_t i = 0; i < dma.domains.size(); ++i) {
        ids.push_back({dma.domains[i].id, std::uint64_t{dma.domains[i].id} + 1, i});
    }
    const std::vector<Overlap> found = overlaps(ids);
    for (const Overlap& overlap : found) {
        judge.violated({.message = fmt::format("DMA domain {} means two sets of tables, at {} and at {}", overlap.first,
                                               address(dma.domains[overlap.earlier].root),
                                               address(dma.domains[overlap.later].root)),
                        .key = fmt::format("id{}", overlap.first),
                        .witness = fmt::format("domain {}", overlap.first)});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_twice("dma.confined: domain ids", ids, timeout); });
}

void confined(const Context& context, Judge& judge) {
    if (!has_unit(context, judge, kOtherwise)) {
        return;
    }
    const decode::DmaTables& dma = context.facts->devices.dma;
    for (const decode::DmaDomain& domain : dma.domains) {
        if (!domain.complete) {
            judge.violated({.message = fmt::format("the tables of DMA domain {} can't be read to their end", domain.id),
                            .key = fmt::format("domain{}:incomplete", domain.id)});
        }
    }
    domain_ids(context, judge);
    // One key for all: a row for each domain in the tables, those of the model's partitions first. Each row is compared
    // with its partition's RAM; a row without a partition ought to be empty.
    Pieces actual;
    Pieces expected;
    std::vector<std::string> names;
    std::vector<config::Span> spans;
    std::vector<const decode::DmaDomain*> rows;
    const auto row = [&](const decode::DmaDomain* domain, const std::string& name, const config::Span& span) {
        const std::uint64_t base = static_cast<std::uint64_t>(rows.size()) << kAddressBits;
        rows.push_back(domain);
        names.push_back(name);
        spans.push_back(span);
        for (const Interval& interval : domain->reach) {
            if (!decode::fits(interval.gpa, interval.size, 1ULL << kAddressBits)) {
                judge.violated({.message = fmt::format("DMA domain {} translates {}, beyond 48 bits", domain->id,
                                                       range(interval.gpa, interval.gpa + interval.size)),
                                .key = fmt::format("domain{}:wide", domain->id),
                                .witness = "DMA address " + address(interval.gpa)});
                continue;
            }
            actual.push_back({base + interval.gpa, base + interval.gpa + interval.size,
                              (interval.hpa - interval.gpa) | interval.access});
        }
        return base;
    };
    for (const AssignedDevice& device : assigned_devices(context)) {
        judge.rests_on(device.span);
        const std::string& owner = context.model.partitions[device.partition].name.value;
        const decode::DmaDomain* domain = domain_of(dma, device.function->bdf);
        if (domain == nullptr) {
            continue; // dma.absent-blocked says so
        }
        if (device.record != nullptr && device.record->domain != domain->id) {
            judge.violated({.message = fmt::format("`{}` is in DMA domain {}, but the manifest says {}",
                                                   device.function->name.value, domain->id, device.record->domain),
                            .partitions = {owner},
                            .key = "id:" + device.function->name.value,
                            .witness = "requester " + requester_text(device.function->bdf),
                            .primary = device.span});
        }
        const std::string who = fmt::format("`{}` of `{}`", device.function->name.value, owner);
        const std::uint64_t base = row(domain, who, device.span);
        for (const Piece& piece : context.places->partitions[device.partition].ram_by_guest) {
            const std::uint64_t value =
                piece.value == kUnplaced ? kUnplaced : piece.value | decode::kAccessRead | decode::kAccessWrite;
            expected.push_back({base + piece.first, base + piece.end, value});
        }
    }
    for (const decode::DmaDomain& domain : dma.domains) {
        if (std::find(rows.begin(), rows.end(), &domain) == rows.end()) {
            (void)row(&domain, fmt::format("DMA domain {}", domain.id), {});
        }
    }
    actual = sorted(std::move(actual));
    expected = sorted(std::move(expected));
    const std::vector<Difference> found = differences(joined(actual), joined(expected));
    for (const Difference& difference : found) {
        const std::uint64_t index = difference.first >> kAddressBits;
        const std::uint64_t at = difference.first & ((1ULL << kAddressBits) - 1);
        const std::uint64_t end = at + (difference.end - difference.first);
        const bool extra = difference.right == kAbsent;
        const bool lacking = difference.left == kAbsent;
        const std::uint64_t host = at + (difference.left & ~3ULL);
        judge.violated({.message = lacking ? fmt::format("{} can't reach {} by DMA, which is its owner's RAM",
                                                         names[index], range(at, end))
                                           : fmt::format("{} reaches host-physical {} by DMA with {}, {}", names[index],
                                                         range(host, host + (end - at)),
                                                         access_text(static_cast<std::uint8_t>(difference.left & 3)),
                                                         extra ? "which is not its owner's RAM"
                                                               : "expected its owner's RAM with rw-"),
                        .key = fmt::format("{}:{}", names[index], lacking ? "lacking" : "reach"),
                        .witness = lacking ? "DMA address " + address(at) : "host-physical " + address(host),
                        .primary = spans[index],
                        .notes = {"DMA address " + range(at, end)}});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("dma.confined", actual, expected, false, timeout);
    });
}

void reserved_regions(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    for (const config::BoardReserved& reserved : context.model.board.iommu.reserved) {
        judge.rests_on(reserved.base.span);
        for (const AssignedDevice& device : assigned_devices(context)) {
            for (const config::Spanned<std::string>& name : reserved.devices) {
                if (name.value != device.function->name.value || reserved.declared) {
                    continue;
                }
                const std::string& owner = context.model.partitions[device.partition].name.value;
                judge.violated({.message = fmt::format("`{}` owns `{}`, for which the firmware reserves memory {}",
                                                       owner, name.value,
                                                       range(reserved.base.value, reserved.base.value + reserved.size)),
                                .partitions = {owner},
                                .key = name.value,
                                .witness = "host-physical " + address(reserved.base.value),
                                .primary = device.span,
                                .related = {{reserved.base.span, "reserved here"}}});
            }
        }
    }
    Pieces regions;
    for (std::size_t i = 0; i < context.model.board.iommu.reserved.size(); ++i) {
        const config::BoardReserved& reserved = context.model.board.iommu.reserved[i];
        regions.push_back({reserved.base.value, reserved.base.value + reserved.size, i});
    }
    Pieces memory;
    for (const config::BoardMemory& part : context.model.board.memory) {
        memory.push_back({part.base.value, part.base.value + part.size.value, 0});
    }
    const std::vector<Overlap> found = common(regions, memory);
    for (const Overlap& overlap : found) {
        judge.violated({.message = fmt::format("the board lists {} as memory to use, and as reserved for devices",
                                               range(overlap.first, overlap.end)),
                        .key = "memory",
                        .witness = "host-physical " + address(overlap.first),
                        .primary = context.model.board.iommu.reserved[overlap.earlier].base.span,
                        .help = "take it out of the board's `memory`"});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_both("dma.reserved-regions: memory", regions, memory, timeout);
    });
}

// The windows of a bridge, by what the board says.
Pieces windows_of(const config::BoardBridge& bridge) {
    Pieces out;
    out.push_back({bridge.window_base, bridge.window_base + bridge.window_size, 0});
    out.push_back({bridge.prefetchable_base, bridge.prefetchable_base + bridge.prefetchable_size, 0});
    return united(sorted(std::move(out)));
}

bool behind(const config::BoardPciFunction& function, const config::BoardPciFunction& bridge) {
    const unsigned bus = function.bdf >> 8;
    return bus >= bridge.bridge.secondary && bus <= bridge.bridge.subordinate;
}

void p2p_model(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    const config::Board& board = context.model.board;
    for (const AssignedDevice& device : assigned_devices(context)) {
        judge.rests_on(device.span);
        const std::string& owner = context.model.partitions[device.partition].name.value;
        const auto say = [&](std::string message, std::string key, const config::BoardPciFunction& bridge,
                             std::string help) {
            judge.violated({.message = std::move(message),
                            .partitions = {owner},
                            .key = std::move(key),
                            .witness = "requester " + requester_text(device.function->bdf),
                            .primary = device.span,
                            .related = {{bridge.name.span, "this bridge"}},
                            .help = std::move(help)});
        };
        const auto above = bridges_above(board, *device.function);
        if ((device.function->bdf >> 8) != 0 && (above.empty() || (above.back()->bdf >> 8) != 0)) {
            say(fmt::format("the board lists no bridge that leads to `{}` on bus {:02x}", device.function->name.value,
                            device.function->bdf >> 8),
                device.function->name.value + ":bridge", *device.function,
                "list every bridge above it in the board file");
        }
        for (const config::BoardPciFunction* bridge : above) {
            // Without Access Control Services a bridge may turn a request round before the IOMMU sees it.
            const bool alone = std::all_of(board.pci.begin(), board.pci.end(), [&](const config::BoardPciFunction& f) {
                return f.bars.empty() || &f == device.function || (f.group.value == device.function->group.value);
            });
            if (bridge->bridge.acs_at == 0 && !alone) {
                say(fmt::format("`{}` lies behind `{}`, which has no access control: what it sends may reach other "
                                "devices past the IOMMU",
                                device.function->name.value, bridge->name.value),
                    device.function->name.value + ":acs", *bridge,
                    "state `acs` of the bridge, or put the devices into one `group` and give them to one partition");
            }
        }
    }
    // A window holds nothing but the BARs of functions behind its bridge.
    Pieces wrong;
    Pieces bars;
    const std::vector<BoardBarPlace> all = board_bars(context.model);
    for (std::size_t i = 0; i < all.size(); ++i) {
        bars.push_back({all[i].bar->base.value, all[i].bar->base.value + all[i].bar->size.value, i});
    }
    for (const config::BoardPciFunction& bridge : board.pci) {
        if (!bridge.is_bridge) {
            continue;
        }
        for (const Overlap& overlap : common(windows_of(bridge.bridge), bars)) {
            const BoardBarPlace& place = all[overlap.later];
            if (behind(*place.function, bridge)) {
                continue;
            }
            judge.violated({.message = fmt::format("BAR {} of `{}` lies in the window of `{}`, which it is not behind",
                                                   place.bar->number, place.function->name.value, bridge.name.value),
                            .key = place.function->name.value + ":window",
                            .witness = "host-physical " + address(overlap.first),
                            .primary = place.bar->base.span,
                            .related = {{bridge.name.span, "this bridge"}},
                            .help = "mend the addresses in the board file"});
        }
        Pieces windows = windows_of(bridge.bridge);
        for (const Overlap& overlap : common(windows, {{kInterruptWindow, kInterruptWindowEnd, 0}})) {
            judge.violated({.message = fmt::format("the window of `{}` covers {}, where interrupts are sent",
                                                   bridge.name.value, range(overlap.first, overlap.end)),
                            .key = bridge.name.value + ":interrupts",
                            .witness = "host-physical " + address(overlap.first),
                            .primary = bridge.name.span,
                            .help = "mend the window in the board file"});
        }
    }
}

void p2p_bytes(const Context& context, Judge& judge) {
    if (!any_device(context.model) || !has_unit(context, judge, kOtherwise)) {
        return;
    }
    const config::Board& board = context.model.board;
    const decode::Manifest& manifest = context.facts->manifest;
    // What the boot part programs is what the board says.
    for (const manifest::Bridge& record : manifest.bridges) {
        const auto it = std::find_if(board.pci.begin(), board.pci.end(), [&](const config::BoardPciFunction& f) {
            return f.is_bridge && f.bdf == record.bdf;
        });
        const bool same =
            it != board.pci.end() && it->bridge.secondary == record.secondary &&
            it->bridge.subordinate == record.subordinate && it->bridge.acs_at == record.acs_at &&
            (record.acs != 0) == (it->bridge.acs_at != 0) && it->bridge.window_size == record.window.size &&
            (record.window.size == 0 || it->bridge.window_base == record.window.base.value) &&
            it->bridge.prefetchable_size == record.prefetchable.size &&
            (record.prefetchable.size == 0 || it->bridge.prefetchable_base == record.prefetchable.base.value);
        if (!same) {
            judge.violated({.message = fmt::format("the image programs a bridge at {} that is not the board's",
                                                   requester_text(record.bdf)),
                            .key = "bridge:" + requester_text(record.bdf),
                            .witness = "bridge " + requester_text(record.bdf),
                            .primary = it == board.pci.end() ? board.name.span : it->name.span});
        }
    }
    for (const AssignedDevice& device : assigned_devices(context)) {
        for (const config::BoardPciFunction* bridge : bridges_above(board, *device.function)) {
            const bool listed = std::any_of(manifest.bridges.begin(), manifest.bridges.end(),
                                            [&](const manifest::Bridge& b) { return b.bdf == bridge->bdf; });
            if (!listed) {
                judge.violated({.message = fmt::format("the image does not program `{}`, which leads to `{}`",
                                                       bridge->name.value, device.function->name.value),
                                .partitions = {context.model.partitions[device.partition].name.value},
                                .key = "unlisted:" + bridge->name.value,
                                .witness = "bridge " + requester_text(bridge->bdf),
                                .primary = bridge->name.span});
            }
        }
    }
    // No translated request comes out at another device's registers or as an interrupt.
    Pieces forbidden{{kInterruptWindow, kInterruptWindowEnd, ~0ULL}};
    const std::vector<BoardBarPlace> all = board_bars(context.model);
    for (std::size_t i = 0; i < all.size(); ++i) {
        forbidden.push_back({all[i].bar->base.value, all[i].bar->base.value + all[i].bar->size.value, i});
    }
    Pieces reach;
    for (const decode::DmaDomain& domain : context.facts->devices.dma.domains) {
        for (const Interval& interval : domain.reach) {
            reach.push_back({interval.hpa, interval.hpa + interval.size, domain.id});
        }
    }
    const std::vector<Overlap> found = common(forbidden, reach);
    for (const Overlap& overlap : found) {
        judge.violated({.message = fmt::format(
                            "DMA domain {} reaches {}, {}", overlap.later, range(overlap.first, overlap.end),
                            overlap.earlier == ~0ULL ? "where interrupts are sent"
                                                     : fmt::format("BAR {} of `{}`", all[overlap.earlier].bar->number,
                                                                   all[overlap.earlier].function->name.value)),
                        .key = fmt::format("domain{}", overlap.later),
                        .witness = "host-physical " + address(overlap.first)});
    }
    judge.solver_agrees(
        found.empty(), [&](unsigned timeout) { return smt::never_both("dma.p2p", forbidden, united(reach), timeout); });
}

constexpr const char* kTables = "VT-d specification §9.1, §9.3; AMD IOMMU specification §2.2.2";
constexpr const char* kPageTables = "VT-d specification §9.8; AMD IOMMU specification §2.2.3";
constexpr const char* kRebuild = "build the image anew; if it stays, the image was altered";
constexpr const char* kUnitOn = "the kernel, which turns the unit on before anything else and checks that it is; DMA "
                                "before that is outside";

} // namespace

const Property kDmaAbsentBlocked{
    .id = "dma.absent-blocked",
    .title = "every requester that nobody owns is blocked",
    .statement =
        "For each of the 65,536 requester ids: an assigned function is translated, every other is refused; none "
        "passes through or is left to a table outside the image. No entry has bits set that keep a fault from "
        "being reported or let exclusion ranges, port I/O or system management messages past.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = kTables,
    .mend = kRebuild,
    .bytes = absent_blocked,
};

const Property kDmaNoPassthrough{
    .id = "dma.no-passthrough",
    .title = "no device bypasses translation",
    .statement = "No requester id passes through untranslated. Under AMD-Vi an entry that is not valid would.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = kTables,
    .mend = kRebuild,
    .bytes = no_passthrough,
};

const Property kDmaConfined{
    .id = "dma.confined",
    .title = "DMA reaches exactly its owner's RAM",
    .statement =
        "For every assigned device and every DMA address: the page tables of its domain lead to its owner's RAM at the "
        "same address that the owner uses, with read and write, and to nothing where the owner has no RAM. Domains of "
        "nobody reach nothing; one domain id means one set of tables.",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = kPageTables,
    .mend = kRebuild,
    .bytes = confined,
};

const Property kDmaAtsOff{
    .id = "dma.ats-off",
    .title = "no device translates for itself",
    .statement =
        "No requester is believed when it says that an address is translated already: VT-d TT is not 01b, AMD-Vi "
        "I is 0. The capability itself lies in extended configuration space, which no partition reaches "
        "(pci.config-filtered).",
    .level = Level::bytes,
    .rests_on = kUnitOn,
    .manual = "VT-d specification §4.1, §9.3; AMD IOMMU specification §2.2.2; PCI Express Base 5.0 §10",
    .mend = kRebuild,
    .bytes = ats_off,
};

const Property kDmaReservedRegions{
    .id = "dma.reserved-regions",
    .title = "reserved regions hide nothing",
    .statement = "No assigned device has memory that firmware wants mapped for it (RMRR, IVMD), unless the board file "
                 "accepts that it goes without; no such memory is the board's to use.",
    .level = Level::model,
    .rests_on = "the board file",
    .manual = "VT-d specification §8.4; AMD IOMMU specification §5.2.2",
    .mend = "take the device away from the partition, or write `accept: true` where it can do without",
    .model = reserved_regions,
};

const Property kDmaP2p{
    .id = "dma.p2p",
    .title = "devices don't reach each other",
    .statement =
        "Every bridge above an assigned device has access control, which the kernel turns on, or all devices with "
        "registers are of one group; bridge windows hold only what is behind them and not the interrupt window, and "
        "are "
        "programmed as the board says; no DMA mapping leads to a BAR or to the interrupt window.",
    .level = Level::bytes,
    .rests_on = "the board file; the kernel's boot part, which programs the bridges and reads them back",
    .manual = "PCI Express Base 5.0 §6.12; PCI-to-PCI bridge 1.2 §3.2.5; VT-d specification §3.14",
    .mend = kRebuild,
    .model = p2p_model,
    .bytes = p2p_bytes,
};

} // namespace septum::verifier
