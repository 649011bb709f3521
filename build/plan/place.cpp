// SPDX-License-Identifier: Apache-2.0
// Puts the plan together, all but the bundle.
#include "build/plan/cpus.hpp"
#include "build/plan/devices.hpp"
#include "build/plan/items.hpp"
#include "build/plan/limits.hpp"
#include "build/plan/regions.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>

namespace septum::build {
namespace {

using config::Diagnostic;

// Who looks for missing heartbeats: a CPU that sleeps, or else the first partition's first.
void place_watchdog(Plan& plan, const config::Model& model) {
    plan.watched = model.board.watchdog && std::any_of(model.partitions.begin(), model.partitions.end(),
                                                       [](const auto& partition) { return partition.heartbeat_ms; });
    if (!plan.watched) {
        return;
    }
    const auto sleeper = std::find_if(plan.cpus.begin(), plan.cpus.end(),
                                      [](const PlannedCpu& cpu) { return cpu.partition == manifest::kNobody; });
    plan.watchdog_apic_id = (sleeper != plan.cpus.end() ? *sleeper : plan.cpus.front()).apic_id;
    if (model.board.watchdog->requester) {
        plan.watchdog_handle = 0;
        for (const auto& device : plan.devices) {
            plan.watchdog_handle = std::max(plan.watchdog_handle, device.first_handle + device.handles);
        }
    }
}

} // namespace

config::Outcome<Plan> place(const config::Model& model, manifest::Range kernel) {
    config::Outcome<Plan> outcome;
    auto& diagnostics = outcome.diagnostics;
    check_limits(model, diagnostics);
    check_devices(model, diagnostics);
    if (!diagnostics.empty()) {
        return outcome;
    }

    Plan plan;
    plan.name = model.name.value;
    plan.board = model.board.name.value;
    plan.kernel = kernel;
    plan.trampoline = Hpa{model.board.trampoline.value};
    if (plan.trampoline.value == 0 || plan.trampoline.value % kPageSize != 0 || plan.trampoline.value >= kMiB) {
        diagnostics.push_back(make_error("plan.trampoline",
                                         "the trampoline of board `" + plan.board + "` is " +
                                             format_address(plan.trampoline.value) +
                                             ", expected a page between 0x1000 and 0xff000",
                                         model.board.trampoline.span, "processors cannot wake up here"));
    }

    const auto cpus = assign_cpus(model, diagnostics);
    Holes holes = free_memory(model.board);
    if (!holes.take(kernel.base.value, kernel.size)) {
        Diagnostic d = make_error("mem.within-board",
                                  "the kernel lies at " + format_range(kernel.base.value, kernel.size) +
                                      ", which is not all memory of board `" + plan.board + "`",
                                  model.board.memory.empty() ? model.board.name.span : model.board.memory[0].base.span,
                                  "no memory for the kernel");
        diagnostics.push_back(std::move(d));
    }
    auto items = items_of(model, diagnostics);
    place_pins(items, holes, kernel, model.board, diagnostics);
    place_rest(items, holes, kernel, model.board, diagnostics);
    if (!diagnostics.empty()) {
        return outcome;
    }

    Hpa workspace_next;
    plan.channels.resize(model.channels.size());
    plan.partitions.resize(model.partitions.size());
    for (const auto& item : items) {
        const manifest::Range range{Hpa{*item.base}, item.size};
        switch (item.kind) {
        case Item::Kind::ram:
            plan.partitions[item.index].ram = range;
            break;
        case Item::Kind::channel:
            plan.channels[item.index].memory = range;
            break;
        case Item::Kind::workspace:
            plan.workspace = range;
            workspace_next = range.base;
            break;
        case Item::Kind::event_log:
            plan.event_log = range;
            break;
        case Item::Kind::crash_record:
            plan.crash_record = range.base;
            break;
        }
    }
    for (std::size_t p = 0; p < cpus.size(); ++p) {
        auto& partition = plan.partitions[p];
        partition.name = model.partitions[p].name.value;
        partition.asid = static_cast<std::uint32_t>(p + 1); // 0 is the host's (APM 2 §15.16)
        partition.first_cpu = static_cast<std::uint16_t>(plan.cpus.size());
        partition.cpu_count = static_cast<std::uint16_t>(cpus[p].size());
        for (std::size_t v = 0; v < cpus[p].size(); ++v) {
            PlannedCpu cpu;
            cpu.board_cpu = cpus[p][v];
            cpu.apic_id = model.board.cpus[cpus[p][v]].apic_id.value;
            cpu.partition = static_cast<std::uint16_t>(p);
            cpu.vcpu = static_cast<std::uint16_t>(v);
            cpu.block = workspace_next;
            workspace_next = workspace_next + layout::CpuBlock::kSize;
            plan.cpus.push_back(cpu);
        }
        add_ram_regions(partition);
    }
    for (std::size_t i = 0; i < model.board.cpus.size(); ++i) { // those that nobody owns sleep in the kernel
        const bool owned =
            std::any_of(plan.cpus.begin(), plan.cpus.end(), [i](const PlannedCpu& cpu) { return cpu.board_cpu == i; });
        if (!owned) {
            PlannedCpu cpu;
            cpu.board_cpu = static_cast<std::uint32_t>(i);
            cpu.apic_id = model.board.cpus[i].apic_id.value;
            cpu.partition = manifest::kNobody;
            cpu.block = workspace_next;
            workspace_next = workspace_next + layout::CpuBlock::kSize;
            plan.cpus.push_back(cpu);
        }
    }
    for (auto& partition : plan.partitions) {
        partition.block = workspace_next;
        workspace_next = workspace_next + layout::PartitionBlock::kSize;
    }
    for (std::size_t i = 0; i < plan.channels.size(); ++i) {
        auto& channel = plan.channels[i];
        const auto& declared = model.channels[i];
        channel.name = declared.name.value;
        channel.writer = static_cast<std::uint16_t>(declared.from.value);
        channel.reader = static_cast<std::uint16_t>(declared.to.value);
        channel.doorbell = declared.doorbell;
    }
    if (plan.cpus.size() > manifest::kMaxCpus) {
        diagnostics.push_back(make_error("plan.limit",
                                         "the board has " + std::to_string(plan.cpus.size()) +
                                             " cpus, expected at most " + std::to_string(manifest::kMaxCpus),
                                         model.board.name.span, ""));
        return outcome;
    }
    add_event_log(plan, model);
    join_channels(plan, model, diagnostics);
    place_devices(plan, model, workspace_next, diagnostics);
    place_watchdog(plan, model);
    if (diagnostics.empty()) {
        outcome.value = std::move(plan);
    }
    return outcome;
}

} // namespace septum::build
