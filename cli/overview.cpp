// SPDX-License-Identifier: Apache-2.0
#include "cli/overview.hpp"

#include "verifier/properties/shared/flow_graph.hpp"
#include "verifier/properties/shared/places.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

namespace septum::cli {
namespace {

using verifier::Facts;

// Of one partition: what tables of a sane image have is far below; a hostile one must not cost the reader hours.
constexpr std::size_t kMostStretches = 1000;

std::span<const verifier::Interval> drawn(const std::vector<verifier::Interval>& all) {
    return {all.data(), std::min(all.size(), kMostStretches)};
}

std::string access_text(std::uint8_t access) {
    return {(access & manifest::kRead) != 0 ? 'r' : '-', (access & manifest::kWrite) != 0 ? 'w' : '-',
            (access & manifest::kExecute) != 0 ? 'x' : '-'};
}

const char* action(config::FaultAction a) {
    return a == config::FaultAction::restart       ? "restart"
           : a == config::FaultAction::halt_system ? "halt-system"
                                                   : "stop";
}

std::string boot_text(const config::Boot& boot) {
    const char* const kind = boot.kind == config::BootKind::elf64   ? "native ELF"
                             : boot.kind == config::BootKind::linux ? "Linux"
                             : boot.kind == config::BootKind::pvh   ? "PVH"
                                                                    : "Multiboot";
    std::string text = fmt::format("{} `{}`", kind, boot.image.value);
    if (boot.initrd)
        text += fmt::format(" with `{}`", boot.initrd->value);
    return boot.cmdline.value.empty() ? text : text + fmt::format(", command line `{}`", boot.cmdline.value);
}

// What a stretch of host-physical memory is, before anybody's tables are looked at.
struct Named {
    std::uint64_t base = 0;
    std::uint64_t end = 0;
    std::string kind;
    std::string what;
};

std::vector<Named> named_ranges(const config::Model& model, const Facts& facts, const verifier::Places& places) {
    std::vector<Named> all;
    const auto add = [&](std::uint64_t base, std::uint64_t size, const char* kind, std::string what) {
        if (size != 0)
            all.push_back({base, base + size, kind, std::move(what)});
    };
    // The first that covers a byte names it.
    for (std::size_t c = 0; c < model.channels.size(); c++)
        if (places.channels[c].record != nullptr)
            add(places.channels[c].base, places.channels[c].size, "channel",
                "channel `" + model.channels[c].name.value + "`");
    for (std::size_t p = 0; p < model.partitions.size(); p++)
        for (const auto& piece : places.partitions[p].ram)
            add(piece.first, piece.end - piece.first, "ram", "RAM of `" + model.partitions[p].name.value + "`");
    for (const auto& function : model.board.pci)
        for (const auto& bar : function.bars)
            add(bar.base.value, bar.size.value, "device",
                fmt::format("BAR {} of `{}`", bar.number, function.name.value));
    add(facts.kernel.place.base, facts.kernel.place.size, "kernel", "the kernel");
    add(facts.kernel.workspace.base, facts.kernel.workspace.size, "kernel", "the kernel's workspace");
    const auto& header = facts.manifest.header;
    add(header.event_log.base.value, header.event_log.size, "channel", "the event log");
    add(header.crash_record.value, header.crash_record.value == 0 ? 0 : 4096, "kernel", "the crash record");
    add(facts.bundle.manifest.base, facts.bundle.manifest.size, "tables", "the manifest");
    add(facts.bundle.tables.base, facts.bundle.tables.size, "tables", "the sealed tables");
    add(facts.bundle.payloads.base, facts.bundle.payloads.size, "payloads", "the pristine payloads");
    add(facts.kernel.trampoline, facts.kernel.trampoline == 0 ? 0 : 4096, "kernel", "the page in which CPUs wake up");
    return all;
}

bool follows(const MapRange& left, const MapRange& right) {
    if (left.base + left.size != right.base || left.what != right.what || left.kind != right.kind ||
        left.seen_by.size() != right.seen_by.size())
        return false;
    for (std::size_t i = 0; i < left.seen_by.size(); i++)
        if (left.seen_by[i].partition != right.seen_by[i].partition ||
            left.seen_by[i].access != right.seen_by[i].access ||
            left.seen_by[i].gpa + left.size != right.seen_by[i].gpa)
            return false;
    return true;
}

// Cuts host-physical memory wherever a name or anybody's reach begins or ends, and says of each piece whose it is.
std::vector<MapRange> memory_of(const config::Model& model, const Facts& facts, const verifier::Places& places) {
    const auto names = named_ranges(model, facts, places);
    std::set<std::uint64_t> cuts;
    for (const auto& name : names) {
        cuts.insert(name.base);
        cuts.insert(name.end);
    }
    for (const auto& partition : places.partitions)
        if (partition.facts != nullptr)
            for (const auto& interval : drawn(partition.facts->reach_by_host)) {
                cuts.insert(interval.hpa);
                cuts.insert(interval.hpa + interval.size);
            }
    std::vector<MapRange> all;
    for (auto cut = cuts.begin(); cut != cuts.end() && std::next(cut) != cuts.end(); ++cut) {
        MapRange range{*cut, *std::next(cut) - *cut, {}, {}, {}};
        const auto covers = [&](std::uint64_t base, std::uint64_t size) { return base <= *cut && *cut - base < size; };
        for (std::uint32_t p = 0; p < places.partitions.size(); p++)
            if (const auto* seen = places.partitions[p].facts)
                for (const auto& interval : drawn(seen->reach_by_host))
                    if (covers(interval.hpa, interval.size))
                        range.seen_by.push_back(
                            {p, access_text(interval.access), interval.gpa + (*cut - interval.hpa)});
        const auto name =
            std::find_if(names.begin(), names.end(), [&](const Named& n) { return covers(n.base, n.end - n.base); });
        if (name == names.end() && range.seen_by.empty())
            continue;
        range.kind = name == names.end() ? "stray" : name->kind;
        range.what = name == names.end() ? "nothing that was declared" : name->what;
        if (range.kind == "device" && range.seen_by.empty())
            continue; // a device of nobody
        if (!all.empty() && follows(all.back(), range))
            all.back().size += range.size;
        else
            all.push_back(std::move(range));
    }
    return all;
}

std::string what_at(const std::vector<MapRange>& memory, std::uint64_t hpa) {
    for (const auto& range : memory)
        if (range.base <= hpa && hpa - range.base < range.size)
            return range.what;
    return "nothing that was declared";
}

void add_reach(PartitionView& view, const verifier::PartitionFacts& facts, const verifier::DeclaredPartition& declared,
               const std::vector<MapRange>& memory) {
    for (const auto& interval : drawn(facts.npt.intervals)) {
        ViewRange range{interval.gpa,
                        interval.hpa,
                        interval.size,
                        access_text(interval.access),
                        verifier::decode::name(interval.type),
                        what_at(memory, interval.hpa),
                        true,
                        {}};
        for (const auto& grant : declared.grants)
            if (grant.gpa <= interval.gpa && interval.gpa - grant.gpa < grant.size)
                range.granted_by = grant.span;
        view.memory.push_back(std::move(range));
    }
    if (facts.npt.intervals.size() > kMostStretches)
        view.traits.push_back(fmt::format("{} more stretches of memory, which are not drawn",
                                          facts.npt.intervals.size() - kMostStretches));
    for (const auto& run : facts.iopm.granted)
        view.ports.push_back({run.first, run.last});
    std::vector<Numbered> msrs;
    for (const auto& run : facts.msrpm.reads)
        msrs.push_back({run.first, run.last});
    for (const auto& run : facts.msrpm.writes)
        msrs.push_back({run.first, run.last});
    std::sort(msrs.begin(), msrs.end(), [](const Numbered& a, const Numbered& b) { return a.first < b.first; });
    for (const auto& run : msrs) {
        if (!view.msrs.empty() && run.first <= view.msrs.back().last + 1)
            view.msrs.back().last = std::max(view.msrs.back().last, run.last);
        else
            view.msrs.push_back(run);
    }
    for (const auto& cpu : facts.cpus)
        view.apic_ids.push_back(cpu.apic_id);
    view.payload_digest = verifier::hex(facts.payload_digest.computed);
    for (const auto& payload : facts.payloads)
        view.payload_bytes += payload.size;
}

void add_declared(PartitionView& view, const config::Model& model, const verifier::DeclaredPartition& declared) {
    for (const auto& grant : declared.grants) {
        const std::string what = grant.channel < model.channels.size()
                                     ? "channel `" + model.channels[grant.channel].name.value + "`"
                                     : "RAM of `" + view.name + "`";
        view.memory.push_back({grant.gpa, grant.pinned.value_or(0), grant.size, access_text(grant.access), "write-back",
                               what, grant.pinned.has_value(), grant.span});
    }
}

PartitionView view_of(const config::Partition& partition) {
    PartitionView view;
    view.name = partition.name.value;
    view.span = partition.name.span;
    view.boot = boot_text(partition.boot);
    view.cpu_count = partition.cpu_count;
    view.on_fault = action(partition.on_fault.action);
    if (partition.on_fault.action == config::FaultAction::restart)
        view.on_fault += fmt::format(", at most {} times", partition.on_fault.attempts);
    if (partition.console)
        view.traits.emplace_back("console");
    if (partition.event_log)
        view.traits.emplace_back("reads the event log");
    if (partition.pit)
        view.traits.emplace_back("virtual 8254");
    if (partition.heartbeat_ms)
        view.traits.push_back(fmt::format("heartbeat every {} ms", partition.heartbeat_ms->value));
    for (const auto& device : partition.devices)
        view.devices.push_back(device.value);
    return view;
}

using Graph = verifier::FlowGraph;

void add_flows(Overview& all, const config::Model& model, const Graph& declared, const Graph* granted) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, FlowEdge> edges;
    const auto edge = [&](const verifier::Flow& flow) -> FlowEdge& {
        auto& entry = edges[{flow.from, flow.to}];
        entry.from = flow.from;
        entry.to = flow.to;
        if (!entry.span.known())
            entry.span = flow.span;
        return entry;
    };
    for (const auto& flow : declared.flows)
        edge(flow).declared.push_back(flow.cause);
    Graph whole = declared;
    if (granted != nullptr) {
        for (const auto& flow : granted->flows)
            edge(flow).granted.push_back(flow.cause);
        whole.flows.insert(whole.flows.end(), granted->flows.begin(), granted->flows.end());
    }
    for (auto& [ends, entry] : edges)
        all.flows.push_back(std::move(entry));
    for (std::uint32_t from = 0; from < whole.nodes; from++)
        for (std::uint32_t to = 0; to < whole.nodes; to++) {
            const auto way = verifier::path(whole, from, to, {});
            if (way.size() < 2)
                continue;
            FlowPath path{from, to, {}};
            for (std::size_t i = 1; i < way.size(); i++)
                path.through.push_back(way[i]->from);
            all.paths.push_back(std::move(path));
        }
    for (const auto& rule : model.policy) {
        const auto from = verifier::node_of(model, rule.from);
        const auto to = verifier::node_of(model, rule.to);
        PolicyLine line;
        line.span = rule.span;
        line.text = fmt::format("{} → {}: {}", all.nodes[from], all.nodes[to], rule.only ? "only through " : "never");
        std::vector<std::uint32_t> without;
        for (std::size_t i = 0; i < rule.via.size(); i++) {
            without.push_back(verifier::node_of(model, rule.via[i]));
            line.text += (i == 0 ? "" : ", ") + all.nodes[without.back()];
        }
        const auto way = verifier::path(whole, from, to, without);
        line.holds = way.empty();
        for (const auto* flow : way)
            line.witness += (line.witness.empty() ? all.nodes[flow->from] : "") + " → " + all.nodes[flow->to];
        all.policy.push_back(std::move(line));
    }
}

void add_board(Overview& all, const config::Board& board) {
    const char* const unit = board.iommu.kind == config::BoardIommu::vt_d     ? "VT-d"
                             : board.iommu.kind == config::BoardIommu::amd_vi ? "AMD-Vi"
                                                                              : "no IOMMU";
    all.board_facts = {fmt::format("{} processor, {} CPU{}",
                                   board.vendor.value == config::Vendor::amd ? "AMD" : "Intel", board.cpus.size(),
                                   board.cpus.size() == 1 ? "" : "s"),
                       board.apic.value == config::Apic::x2apic ? "x2APIC" : "xAPIC", unit,
                       fmt::format("{} physical address bits", board.physical_address_bits),
                       fmt::format("{} PCI function{}", board.pci.size(), board.pci.size() == 1 ? "" : "s")};
    for (const auto& memory : board.memory)
        all.board_memory.push_back({memory.base.value, memory.size.value, "usable", "usable RAM", {}});
}

void add_digests(Overview& all, const Facts& facts) {
    if (facts.image)
        all.digests.push_back({"the image", verifier::hex(facts.image->digest)});
    all.digests.push_back({"the kernel's file", verifier::hex(facts.kernel.file_digest)});
    all.digests.push_back(
        {"the kernel in memory, what is not writable", verifier::hex(facts.bundle.kernel_digest.computed)});
    all.digests.push_back({"the manifest", verifier::hex(facts.bundle.manifest_digest.computed)});
    all.digests.push_back({"the sealed tables", verifier::hex(facts.bundle.tables_digest.computed)});
    for (const auto& partition : facts.partitions)
        all.digests.push_back(
            {"payload of `" + partition.name + "`", verifier::hex(partition.payload_digest.computed)});
}

} // namespace

Overview make_overview(const config::Model& model, const Facts* facts) {
    Overview all;
    all.name = model.name.value;
    all.board = model.board.name.value;
    all.from_bytes = facts != nullptr;
    add_board(all, model.board);
    const auto declared = verifier::declare(model);
    for (const auto& partition : model.partitions) {
        all.partitions.push_back(view_of(partition));
        all.nodes.push_back(partition.name.value);
    }
    for (const auto& external : model.externals)
        all.nodes.push_back(external.name.value);
    const auto declared_graph = verifier::declared_flows(model);
    if (facts == nullptr) {
        for (std::size_t p = 0; p < all.partitions.size(); p++)
            add_declared(all.partitions[p], model, declared.partitions[p]);
        add_flows(all, model, declared_graph, nullptr);
        return all;
    }
    const auto places = verifier::locate(model, declared, *facts);
    all.memory = memory_of(model, *facts, places);
    for (std::size_t p = 0; p < all.partitions.size(); p++)
        if (places.partitions[p].facts != nullptr)
            add_reach(all.partitions[p], *places.partitions[p].facts, declared.partitions[p], all.memory);
    const verifier::Options options;
    const auto granted = verifier::granted_flows({model, declared, facts, &places, options});
    add_flows(all, model, declared_graph, &granted);
    add_digests(all, *facts);
    return all;
}

} // namespace septum::cli
