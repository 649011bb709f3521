// SPDX-License-Identifier: Apache-2.0
#include "verifier/explain/declarations.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

using config::Model;

template <typename List>
void erase_at(List& list, std::size_t index) {
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
}

void of_partition(const config::Partition& partition, std::size_t p, std::vector<Declaration>& out) {
    const std::string of = " of `" + partition.name.value + "`";
    out.push_back({partition.memory.span, "memory" + of, [p](Model& m) { m.partitions[p].memory.value = 0; }});
    if (partition.base) {
        out.push_back({partition.base->span, "base" + of, [p](Model& m) { m.partitions[p].base.reset(); }});
    }
    out.push_back({partition.cpus_span, "CPUs" + of, [p](Model& m) {
                       m.partitions[p].cpu_count = 0;
                       m.partitions[p].cpu_pins.clear();
                   }});
    out.push_back(
        {partition.boot.span, "boot" + of, [p](Model& m) { m.partitions[p].boot.kind = config::BootKind::elf64; }});
    if (partition.console) {
        out.push_back({partition.name.span, "console" + of, [p](Model& m) { m.partitions[p].console = false; }});
    }
    if (partition.on_fault.span.known()) {
        out.push_back({partition.on_fault.span, "fault policy" + of,
                       [p](Model& m) { m.partitions[p].on_fault = config::OnFault{}; }});
    }
    for (std::size_t i = 0; i < partition.ports_first.size(); ++i) {
        out.push_back(
            {partition.ports_first[i].span,
             fmt::format("ports {:#x}..{:#x}{}", partition.ports_first[i].value, partition.ports_last[i].value, of),
             [p, i](Model& m) {
                 erase_at(m.partitions[p].ports_first, i);
                 erase_at(m.partitions[p].ports_last, i);
             }});
    }
    for (std::size_t i = 0; i < partition.devices.size(); ++i) {
        out.push_back({partition.devices[i].span, "device `" + partition.devices[i].value + "`" + of, [p, i](Model& m) {
                           erase_at(m.partitions[p].devices, i);
                           if (i < m.partitions[p].device_indices.size()) {
                               erase_at(m.partitions[p].device_indices, i);
                           }
                       }});
    }
    if (partition.event_log) {
        out.push_back(
            {partition.event_log_span, "event log" + of, [p](Model& m) { m.partitions[p].event_log = false; }});
    }
    if (partition.heartbeat_ms) {
        out.push_back(
            {partition.heartbeat_ms->span, "heartbeat" + of, [p](Model& m) { m.partitions[p].heartbeat_ms.reset(); }});
    }
}

} // namespace

std::vector<Declaration> declarations(const Model& model) {
    std::vector<Declaration> out;
    for (std::size_t p = 0; p < model.partitions.size(); ++p) {
        of_partition(model.partitions[p], p, out);
    }
    for (std::size_t c = 0; c < model.channels.size(); ++c) {
        const config::Channel& channel = model.channels[c];
        out.push_back(
            {channel.span, "channel `" + channel.name.value + "`", [c](Model& m) { erase_at(m.channels, c); }});
    }
    for (std::size_t c = model.channels.size(); c-- > 0;) { // behind the channels, and so taken away before them
        if (const config::Channel& channel = model.channels[c]; channel.doorbell) {
            out.push_back({channel.doorbell_span, "doorbell of `" + channel.name.value + "`",
                           [c](Model& m) { m.channels[c].doorbell = false; }});
        }
    }
    for (std::size_t r = 0; r < model.policy.size(); ++r) {
        out.push_back({model.policy[r].span, "a rule of the policy", [r](Model& m) { erase_at(m.policy, r); }});
    }
    for (std::size_t i = 0; i < model.board.memory.size(); ++i) {
        out.push_back({model.board.memory[i].base.span,
                       fmt::format("memory of the board at {:#x}", model.board.memory[i].base.value),
                       [i](Model& m) { erase_at(m.board.memory, i); }});
    }
    return out;
}

Model reduced(const Model& model, const std::vector<Declaration>& all, const std::vector<bool>& kept) {
    Model out = model;
    for (std::size_t i = all.size(); i-- > 0;) {
        if (!kept[i]) {
            all[i].leave_out(out);
        }
    }
    return out;
}

} // namespace septum::verifier
