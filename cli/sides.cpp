// SPDX-License-Identifier: Apache-2.0
// What one side of a comparison grants.
#include "cli/compared.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::cli {
namespace {

using config::Model;
using verifier::Grants;

std::string ticked(const std::string& name) {
    return "`" + name + "`";
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::uint64_t kKiB = 1024;
    if (bytes != 0 && bytes % (kKiB * kKiB) == 0)
        return fmt::format("{} MiB", bytes / (kKiB * kKiB));
    return bytes % kKiB == 0 ? fmt::format("{} KiB", bytes / kKiB) : fmt::format("{} bytes", bytes);
}

Amount size_of(std::uint64_t bytes) {
    return {bytes, size_text(bytes)};
}
Amount count_of(std::uint64_t n) {
    return {n, std::to_string(n)};
}
Amount yes_no(bool yes) {
    return {yes ? 1U : 0U, yes ? "yes" : "no"};
}

// More rights rank higher; none contains another by rank alone, so each bit counts on its own.
Amount access_of(const std::string& access) {
    std::uint64_t rank = 0;
    for (const char right : access)
        rank += right == '-' ? 0U : 1U;
    std::string text;
    std::copy_if(access.begin(), access.end(), std::back_inserter(text), [](char c) { return c != '-'; });
    std::transform(text.begin(), text.end(), text.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    return {rank, text};
}

std::string without_ticks(std::string text) {
    std::erase(text, '`');
    std::replace(text.begin(), text.end(), ' ', '-');
    return text;
}

void add_flows(Side& side) {
    for (const auto& edge : side.flow.edges) {
        const std::string& from = side.flow.nodes[edge.from].name;
        const std::string& to = side.flow.nodes[edge.to].name;
        Granted item;
        item.kind = Granted::Kind::flow;
        item.subject = from + " → " + to;
        item.what = edge.cause;
        item.span = edge.span;
        side.items.emplace("flow:" + from + ":" + to + ":" + without_ticks(edge.cause), std::move(item));
    }
}

Granted grant(const std::string& subject, std::string what, const config::Span& span = {}) {
    Granted item;
    item.subject = subject;
    item.what = std::move(what);
    item.span = span;
    return item;
}

void add_partition(const config::Partition& p, Side& side) {
    const std::string& name = p.name.value;
    const auto add = [&](const std::string& key, Granted item) {
        side.items.emplace("grant:" + name + ":" + key, std::move(item));
    };
    Granted cpus = grant(name, "CPUs", p.cpus_span);
    cpus.amounts["count"] = count_of(p.cpu_count);
    add("cpus", cpus);
    Granted memory = grant(name, "memory", p.memory.span);
    memory.amounts["size"] = size_of(p.memory.value);
    add("memory", memory);
    if (p.console)
        add("console", grant(name, "console", p.name.span));
    if (p.event_log)
        add("event-log", grant(name, "the event log", p.event_log_span));
    for (const auto& device : p.devices)
        add("device-" + device.value, grant(name, "device " + ticked(device.value), device.span));
    for (std::size_t i = 0; i < p.ports_first.size(); ++i) {
        const auto first = p.ports_first[i].value;
        const auto last = p.ports_last[i].value;
        add(fmt::format("ports-{:x}-{:x}", first, last),
            grant(name, fmt::format("ports {:#x}..{:#x}", first, last), p.ports_first[i].span));
    }
    Granted restarts = grant(name, "restarts", p.on_fault.span);
    restarts.amounts["attempts"] = count_of(p.on_fault.attempts);
    add("restarts", restarts);
}

std::string end_name(const Model& model, const config::FlowEnd& end) {
    return end.external ? model.externals[end.index].name.value : model.partitions[end.index].name.value;
}

void add_policy(const Model& model, Side& side) {
    for (const auto& rule : model.policy) {
        Granted item;
        item.kind = Granted::Kind::promise;
        const std::string from = end_name(model, rule.from);
        const std::string to = end_name(model, rule.to);
        std::string via;
        for (const auto& end : rule.via)
            via += (via.empty() ? "" : ", ") + end_name(model, end);
        item.subject = fmt::format("{} ⇸ {}", from, to);
        item.what = rule.only ? "only via " + via : "never";
        item.span = rule.span;
        side.items.emplace(fmt::format("policy:{}:{}:{}", from, to, without_ticks(item.what)), std::move(item));
    }
}

std::string bdf_text(std::uint32_t id) {
    return fmt::format("{:02x}:{:02x}.{}", id >> 8, id >> 3 & 31, id & 7);
}

void add_ranges(const std::string& name, const char* key, const char* what,
                const std::vector<verifier::NumberRange>& ranges, Side& side) {
    for (const auto& range : ranges)
        for (std::uint64_t n = range.first; n <= range.last; ++n) {
            // One item for a run would make a run that grows look like one lost and one gained.
            const auto text = fmt::format("{:#x}", n);
            side.items.emplace(fmt::format("grant:{}:{}-{}", name, key, text),
                               grant(name, fmt::format("{} {}", what, text)));
        }
}

void add_partition(const verifier::PartitionGrants& p, const Grants& grants, Side& side) {
    const auto add = [&](const std::string& key, Granted item) {
        side.items.emplace("grant:" + p.name + ":" + key, std::move(item));
    };
    Granted cpus = grant(p.name, "CPUs");
    cpus.amounts["count"] = count_of(p.apic_ids.size());
    add("cpus", cpus);
    if (p.console)
        add("console", grant(p.name, "console"));
    for (const auto& memory : p.memory) {
        // A channel is called by its name: where it lies in the guest depends on its neighbours.
        std::string what = fmt::format("memory at {:#x}", memory.gpa);
        std::string key = fmt::format("memory-{:#x}", memory.gpa);
        for (const auto& channel : grants.channels)
            if (channel.base <= memory.hpa && memory.hpa < channel.base + channel.size) {
                what = ticked(channel.name);
                key = "channel-" + channel.name;
            }
        Granted item = grant(p.name, what);
        item.amounts["size"] = size_of(memory.size);
        item.amounts["access"] = access_of(memory.access);
        add(key, item);
    }
    // Where it is on the board, whatever it is called there.
    for (const auto& device : p.devices) {
        const auto bdf = bdf_text(device.requester);
        add("device-" + bdf, grant(p.name, "device " + bdf));
    }
    add_ranges(p.name, "port", "port", p.ports, side);
    add_ranges(p.name, "msr-read", "reading MSR", p.msr_reads, side);
    add_ranges(p.name, "msr-write", "writing MSR", p.msr_writes, side);
}

void add_requesters(const Grants& grants, Side& side) {
    for (const auto& range : grants.requesters) {
        if (range.state == "blocked")
            continue;
        for (std::uint32_t id = range.ids.first; id <= range.ids.last; ++id) {
            const auto bdf = bdf_text(id);
            side.items.emplace("grant:" + bdf + ":dma",
                               grant("device " + bdf, range.state == "translated"
                                                          ? fmt::format("DMA in domain {}", range.domain)
                                                          : "DMA, " + range.state));
        }
    }
    for (const auto& domain : grants.domains)
        for (const auto& memory : domain.memory) {
            Granted item = grant(fmt::format("DMA domain {}", domain.id), fmt::format("memory at {:#x}", memory.gpa));
            item.amounts["size"] = size_of(memory.size);
            item.amounts["access"] = access_of(memory.access);
            side.items.emplace(fmt::format("grant:domain-{}:memory-{:#x}", domain.id, memory.gpa), std::move(item));
        }
}

} // namespace

Side side_of(const Model& model, config::Sources sources) {
    Side side;
    side.flow = verifier::declared_flow(model);
    side.sources = std::move(sources);
    add_flows(side);
    for (const auto& partition : model.partitions)
        add_partition(partition, side);
    for (const auto& channel : model.channels) {
        const std::string& from = model.partitions[channel.from.value].name.value;
        const std::string& to = model.partitions[channel.to.value].name.value;
        Granted& item = side.items.at("flow:" + from + ":" + to + ":channel-" + channel.name.value);
        item.amounts["size"] = size_of(channel.size.value);
        item.amounts["doorbell"] = yes_no(channel.doorbell);
    }
    add_policy(model, side);
    return side;
}

Side side_of(const Grants& grants, verifier::FlowView flow) {
    Side side;
    side.flow = std::move(flow);
    add_flows(side);
    for (const auto& partition : grants.partitions)
        add_partition(partition, grants, side);
    for (const auto& channel : grants.channels) {
        const auto found = side.items.find("flow:" + channel.from + ":" + channel.to + ":channel-" + channel.name);
        if (found != side.items.end())
            found->second.amounts["size"] = size_of(channel.size);
    }
    add_requesters(grants, side);
    return side;
}

} // namespace septum::cli
