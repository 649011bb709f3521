// SPDX-License-Identifier: Apache-2.0
// What one appliance file grants, as items of a comparison.
#include "cli/side_parts.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::cli {
namespace {

using config::Model;

constexpr const char* kCauseNames[] = {"triple-fault", "forbidden", "unanswerable", "watchdog", "shutdown", "reset"};
static_assert(std::size(kCauseNames) == config::kCauses);

const char* action_name(config::FaultAction action) {
    switch (action) {
    case config::FaultAction::restart:
        return "restart";
    case config::FaultAction::halt_system:
        return "halt-system";
    case config::FaultAction::stop:
        break;
    }
    return "stop";
}

void add_conduct(const config::Partition& p, Side& side) {
    const std::string& name = p.name.value;
    Granted restarts = grant(name, "restarts", p.on_fault.span);
    restarts.amounts["attempts"] = count_of(p.on_fault.attempts);
    side.add("grant:" + name + ":restarts", restarts);
    for (std::size_t cause = 0; cause < config::kCauses; ++cause) {
        Granted item = grant(name, std::string("after ") + kCauseNames[cause], p.on_fault.span);
        item.amounts["answer"] = conduct_of(action_name(p.on_fault.by_cause[cause]));
        side.add("grant:" + name + ":after-" + kCauseNames[cause], std::move(item));
    }
    if (p.heartbeat_ms)
        side.add(fmt::format("promise:{}:heartbeat-{}ms", name, p.heartbeat_ms->value),
                 promise(name, fmt::format("a heartbeat every {} ms", p.heartbeat_ms->value), p.heartbeat_ms->span));
}

void add_partition(const config::Partition& p, const config::Board& board, Side& side) {
    const std::string& name = p.name.value;
    const auto add = [&](const std::string& key, Granted item) {
        side.add("grant:" + name + ":" + key, std::move(item));
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
    for (const auto& device : p.devices) {
        Granted item = grant(name, "device " + ticked(device.value), device.span);
        for (const auto& function : board.pci) // another board may call another function so
            if (function.name.value == device.value)
                item.amounts["at"] = which(requester_text(function.bdf));
        add("device-" + device.value, std::move(item));
    }
    if (p.pit)
        add("legacy-pit", grant(name, "a virtual timer", p.name.span));
    for (std::size_t i = 0; i < p.ports_first.size(); ++i) {
        const auto first = p.ports_first[i].value;
        const auto last = p.ports_last[i].value;
        add(fmt::format("ports-{:x}-{:x}", first, last),
            grant(name, fmt::format("ports {:#x}..{:#x}", first, last), p.ports_first[i].span));
    }
    add_conduct(p, side);
}

std::string end_name(const Model& model, const config::FlowEnd& end) {
    return end.external ? model.externals[end.index].name.value : model.partitions[end.index].name.value;
}

void add_policy(const Model& model, Side& side) {
    for (const auto& rule : model.policy) {
        const std::string from = end_name(model, rule.from);
        const std::string to = end_name(model, rule.to);
        std::string via;
        for (const auto& end : rule.via)
            via += (via.empty() ? "" : ", ") + end_name(model, end);
        Granted item = promise(fmt::format("{} ⇸ {}", from, to), rule.only ? "only via " + via : "never", rule.span);
        side.add(fmt::format("policy:{}:{}:{}", from, to, without_ticks(item.what)), std::move(item));
    }
}

} // namespace

Side side_of(const Model& model, config::Sources sources) {
    Side side;
    side.flow = verifier::declared_flow(model);
    side.sources = std::move(sources);
    add_flows(side);
    for (const auto& partition : model.partitions)
        add_partition(partition, model.board, side);
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

} // namespace septum::cli
