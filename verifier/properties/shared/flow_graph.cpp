// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/flow_graph.hpp"

#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>
#include <deque>
#include <set>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// The outside reaches whoever owns the device, and is reached by him.
void add_externals(const config::Model& model, FlowGraph& graph) {
    const auto partitions = static_cast<std::uint32_t>(model.partitions.size());
    for (std::uint32_t e = 0; e < model.externals.size(); ++e) {
        for (const config::Spanned<std::string>& device : model.externals[e].through) {
            for (std::uint32_t p = 0; p < partitions; ++p) {
                for (const config::Spanned<std::string>& owned : model.partitions[p].devices) {
                    if (owned.value == device.value) {
                        const std::string cause = "device " + ticked(device.value);
                        graph.flows.push_back({partitions + e, p, cause, owned.span});
                        graph.flows.push_back({p, partitions + e, cause, owned.span});
                    }
                }
            }
        }
    }
}

// A partition that can halt the machine tells everybody.
void add_halt(std::uint32_t from, const config::Span& span, FlowGraph& graph) {
    for (std::uint32_t to = 0; to < graph.nodes; ++to) {
        if (to != from) {
            graph.flows.push_back({from, to, "fault policy `halt-system`", span});
        }
    }
}

// Whoever reads the event log learns of everybody's launches, faults and ends.
void add_log_reader(const config::Model& model, std::uint32_t to, FlowGraph& graph) {
    const config::Partition& reader = model.partitions[to];
    const config::Span& span = reader.event_log_span.known() ? reader.event_log_span : reader.name.span;
    for (std::uint32_t from = 0; from < model.partitions.size(); ++from) {
        if (from != to) {
            graph.flows.push_back({from, to, "the event log", span});
        }
    }
}

bool halts_system(const config::OnFault& policy) {
    return std::find(policy.by_cause.begin(), policy.by_cause.end(), config::FaultAction::halt_system) !=
           policy.by_cause.end();
}

bool halts_system(const manifest::Partition& record) {
    return std::find(std::begin(record.on), std::end(record.on), manifest::OnFault::halt_system) != std::end(record.on);
}

// An interrupt that a function of one partition raises on a CPU of another: a flow, though not of bytes. `node`: the
// model's number of a partition of the image.
template <typename Node>
void add_interrupts(const Context& context, Node&& node, FlowGraph& graph) {
    const Facts& facts = *context.facts;
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
    const auto add = [&](const decode::InterruptEntry& entry, std::uint32_t apic_id) {
        for (const manifest::Device& device : facts.manifest.devices) {
            if (device.bdf == manifest::kNobody || device.bdf != entry.source) {
                continue;
            }
            for (const manifest::Cpu& cpu : facts.manifest.cpus) {
                const std::uint32_t from = node(device.partition);
                const std::uint32_t to = node(cpu.partition);
                if (cpu.apic_id == apic_id && from < graph.nodes && to < graph.nodes && from != to &&
                    seen.emplace(from, to).second) {
                    graph.flows.push_back({from, to, "an interrupt of " + ticked(decode::text(device.name)),
                                           context.model.partitions[from].name.span});
                }
            }
        }
    };
    const bool wide = facts.manifest.header.apic != manifest::ApicMode::xapic;
    for (const decode::InterruptEntry& entry : facts.devices.interrupts.present) {
        add(entry, wide ? entry.destination : entry.destination >> 8 & 0xFF); // VT-d §9.10
    }
    for (const decode::DeviceInterruptTable& table : facts.devices.interrupt_tables) {
        for (const decode::InterruptEntry& entry : table.enabled) {
            add(entry, entry.destination);
        }
    }
}

// What a requester reaches by DMA.
std::vector<Interval> dma_reach(const Facts& facts, std::uint16_t bdf) {
    for (const decode::RequesterInterval& interval : facts.devices.dma.requesters) {
        if (interval.first <= bdf && bdf <= interval.last && interval.state == decode::DmaState::translated &&
            interval.domain < facts.devices.dma.domains.size()) {
            return facts.devices.dma.domains[interval.domain].reach;
        }
    }
    return {};
}

std::uint32_t node_count(const config::Model& model) {
    return static_cast<std::uint32_t>(model.partitions.size() + model.externals.size());
}

} // namespace

std::string node_name(const config::Model& model, std::uint32_t node) {
    if (node < model.partitions.size()) {
        return model.partitions[node].name.value;
    }
    const std::size_t external = node - model.partitions.size();
    return external < model.externals.size() ? model.externals[external].name.value : "?";
}

std::uint32_t node_of(const config::Model& model, const config::FlowEnd& end) {
    return end.external ? static_cast<std::uint32_t>(model.partitions.size()) + end.index : end.index;
}

FlowGraph declared_flows(const config::Model& model) {
    FlowGraph graph;
    graph.nodes = node_count(model);
    for (const config::Channel& channel : model.channels) {
        if (channel.from.value < model.partitions.size() && channel.to.value < model.partitions.size()) {
            graph.flows.push_back(
                {channel.from.value, channel.to.value, "channel " + ticked(channel.name.value), channel.name.span});
        }
    }
    for (std::uint32_t p = 0; p < model.partitions.size(); ++p) {
        if (halts_system(model.partitions[p].on_fault)) {
            add_halt(p, model.partitions[p].on_fault.span, graph);
        }
        if (model.partitions[p].event_log) {
            add_log_reader(model, p, graph);
        }
    }
    add_externals(model, graph);
    return graph;
}

FlowGraph granted_flows(const Context& context) {
    const config::Model& model = context.model;
    FlowGraph graph;
    graph.nodes = node_count(model);
    // Even keys: reach for reading; odd: for writing. Joined per partition, so that few lie over one address.
    Pieces pieces;
    const std::vector<AssignedDevice> devices = assigned_devices(context);
    for (std::uint32_t p = 0; p < model.partitions.size(); ++p) {
        const PartitionFacts* facts = context.places->partitions[p].facts;
        if (facts == nullptr) {
            continue;
        }
        Pieces readable;
        Pieces writable;
        for (const Interval& interval : facts->reach_by_host) {
            if ((interval.access & (decode::kAccessRead | decode::kAccessExecute)) != 0) {
                readable.push_back({interval.hpa, interval.hpa + interval.size, 0});
            }
            if ((interval.access & decode::kAccessWrite) != 0) {
                writable.push_back({interval.hpa, interval.hpa + interval.size, 0});
            }
        }
        // Its devices read and write for it.
        for (const AssignedDevice& device : devices) {
            for (const Interval& interval :
                 device.partition == p ? dma_reach(*context.facts, device.function->bdf) : std::vector<Interval>{}) {
                Pieces& reads = (interval.access & decode::kAccessRead) != 0 ? readable : writable;
                reads.push_back({interval.hpa, interval.hpa + interval.size, 0});
                if ((interval.access & decode::kAccessWrite) != 0) {
                    writable.push_back({interval.hpa, interval.hpa + interval.size, 0});
                }
            }
        }
        for (const Piece& piece : united(std::move(readable), 2ULL * p)) {
            pieces.push_back(piece);
        }
        for (const Piece& piece : united(std::move(writable), 2ULL * p + 1)) {
            pieces.push_back(piece);
        }
    }
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
    const auto shared = [&](std::uint64_t writer, std::uint64_t reader, std::uint64_t at) {
        const auto from = static_cast<std::uint32_t>(writer / 2);
        const auto to = static_cast<std::uint32_t>(reader / 2);
        if (writer % 2 == 1 && reader % 2 == 0 && from != to && seen.emplace(from, to).second) {
            config::Span span = model.partitions[from].name.span;
            for (const config::Channel& channel : model.channels) {
                if (channel.from.value == from && channel.to.value == to) {
                    span = channel.name.span;
                    break;
                }
            }
            graph.flows.push_back({from, to, "shared memory at host-physical " + address(at), span});
        }
    };
    for (const Overlap& overlap : every_overlap(std::move(pieces))) {
        shared(overlap.earlier, overlap.later, overlap.first);
        shared(overlap.later, overlap.earlier, overlap.first);
    }
    // The image's partition numbers, in the model's terms.
    const std::vector<PartitionFacts>& partitions = context.facts->partitions;
    const auto node = [&](std::size_t index) {
        for (std::uint32_t p = 0; p < model.partitions.size(); ++p) {
            if (index < partitions.size() && context.places->partitions[p].facts == &partitions[index]) {
                return p;
            }
        }
        return graph.nodes;
    };
    for (const manifest::Channel& channel : context.facts->manifest.channels) {
        const std::uint32_t from = node(channel.writer);
        const std::uint32_t to = node(channel.reader);
        if (channel.doorbell != 0 && from < graph.nodes && to < graph.nodes) {
            graph.flows.push_back(
                {from, to, "the doorbell of " + ticked(decode::text(channel.name)), model.partitions[from].name.span});
        }
    }
    for (std::uint32_t p = 0; p < model.partitions.size(); ++p) {
        const PartitionFacts* facts = context.places->partitions[p].facts;
        if (facts != nullptr && halts_system(facts->record)) {
            add_halt(p, model.partitions[p].on_fault.span, graph);
        }
        // By what the tables reach, not by what the manifest says of the partition.
        const manifest::Range& log = context.facts->manifest.header.event_log;
        if (facts != nullptr &&
            std::any_of(facts->reach_by_host.begin(), facts->reach_by_host.end(), [&](const Interval& i) {
                return i.hpa < log.base.value + log.size && log.base.value < i.hpa + i.size;
            })) {
            add_log_reader(model, p, graph);
        }
    }
    add_interrupts(context, node, graph);
    add_externals(model, graph);
    return graph;
}

std::vector<const Flow*> path(const FlowGraph& graph, std::uint32_t from, std::uint32_t to,
                              const std::vector<std::uint32_t>& without) {
    std::vector<std::vector<const Flow*>> leaving(graph.nodes);
    for (const Flow& flow : graph.flows) {
        leaving[flow.from].push_back(&flow);
    }
    std::vector<bool> closed(graph.nodes, false);
    for (const std::uint32_t node : without) {
        closed[node] = true;
    }
    std::vector<const Flow*> reached_by(graph.nodes, nullptr);
    std::deque<std::uint32_t> waiting;
    if (!closed[from] && !closed[to] && from != to) {
        waiting.push_back(from);
        closed[from] = true;
    }
    while (!waiting.empty() && reached_by[to] == nullptr) {
        const std::uint32_t node = waiting.front();
        waiting.pop_front();
        for (const Flow* flow : leaving[node]) {
            if (!closed[flow->to]) {
                closed[flow->to] = true;
                reached_by[flow->to] = flow;
                waiting.push_back(flow->to);
            }
        }
    }
    std::vector<const Flow*> out;
    for (std::uint32_t at = to; at < graph.nodes && reached_by[at] != nullptr; at = reached_by[at]->from) {
        out.push_back(reached_by[at]);
    }
    std::reverse(out.begin(), out.end());
    return out;
}

} // namespace septum::verifier
