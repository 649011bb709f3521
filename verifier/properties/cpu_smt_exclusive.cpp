// SPDX-License-Identifier: Apache-2.0
// cpu.smt-exclusive: sibling threads stay together.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"

#include <map>
#include <set>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// Cores whose siblings two partitions own: `owners` maps a CPU of the board to a name and a place.
struct CoreOwner {
    std::string partition;
    config::Span span;
    std::uint32_t cpu;
};

void split_cores(const Context& context, Judge& judge, const std::vector<CoreOwner>& owners, bool image) {
    std::map<std::uint32_t, const CoreOwner*> cores;
    for (const CoreOwner& owner : owners) {
        if (owner.cpu >= context.model.board.cpus.size()) {
            continue;
        }
        const std::uint32_t core = context.model.board.cpus[owner.cpu].core;
        const auto [first, fresh] = cores.emplace(core, &owner);
        if (fresh || first->second->partition == owner.partition) {
            continue;
        }
        judge.violated({.message = fmt::format("{}`{}` and `{}` share core {}: CPUs {} and {} are siblings",
                                               image ? "in the image " : "", owner.partition, first->second->partition,
                                               core, owner.cpu, first->second->cpu),
                        .partitions = {owner.partition, first->second->partition},
                        .key = fmt::format("core{}", core),
                        .witness = fmt::format("CPU {}", owner.cpu),
                        .primary = owner.span,
                        .label = "a sibling",
                        .related = {{first->second->span, "the other"}}});
    }
}

void smt_model(const Context& context, Judge& judge) {
    std::vector<CoreOwner> owners;
    for (const config::Partition& partition : context.model.partitions) {
        for (const config::Spanned<std::uint32_t>& pin : partition.cpu_pins) {
            judge.rests_on(pin.span);
            owners.push_back({partition.name.value, pin.span, pin.value});
        }
    }
    split_cores(context, judge, owners, false);
}

// The same for the solver: each core once for each owner, by name; no core twice.
smt::Answer cores_by_solver(const Context& context, unsigned timeout) {
    const Facts& facts = *context.facts;
    std::set<std::pair<std::uint32_t, std::string>> owned;
    for (const config::BoardCpu& cpu : context.model.board.cpus) {
        for (const manifest::Cpu& record : facts.manifest.cpus) {
            if (record.apic_id == cpu.apic_id.value && record.partition < facts.partitions.size()) {
                owned.emplace(cpu.core, facts.partitions[record.partition].name);
            }
        }
    }
    Pieces cores;
    for (const auto& [core, owner] : owned) {
        cores.push_back({core, core + 1ULL, 0});
    }
    return smt::never_twice("cpu.smt-exclusive", std::move(cores), timeout);
}

void smt_bytes(const Context& context, Judge& judge) {
    std::map<std::uint32_t, std::uint32_t> number;
    for (std::uint32_t i = 0; i < context.model.board.cpus.size(); ++i) {
        number.emplace(context.model.board.cpus[i].apic_id.value, i);
    }
    std::vector<CoreOwner> owners;
    for (const manifest::Cpu& cpu : context.facts->manifest.cpus) {
        const auto found = number.find(cpu.apic_id);
        if (found == number.end() || cpu.partition >= context.facts->partitions.size()) {
            continue; // cpu.exists says so
        }
        config::Span span;
        const std::string& name = context.facts->partitions[cpu.partition].name;
        for (const config::Partition& partition : context.model.partitions) {
            if (partition.name.value == name) {
                span = partition.cpus_span;
            }
        }
        owners.push_back({name, span, found->second});
    }
    const std::size_t before = judge.found();
    split_cores(context, judge, owners, true);
    judge.solver_agrees(judge.found() == before, [&](unsigned timeout) { return cores_by_solver(context, timeout); });
}

} // namespace

const Property kCpuSmtExclusive{
    .id = "cpu.smt-exclusive",
    .title = "sibling threads stay together",
    .statement = "No two partitions own hardware threads of one core. On the model alone: among the pinned ones.",
    .level = Level::bytes,
    .rests_on = "the board file's `core` numbers",
    .manual = "AMD APM volume 3, CPUID Fn8000_001E",
    .mend = "pin the siblings to one partition, or leave one of them out",
    .model = smt_model,
    .bytes = smt_bytes,
};

} // namespace septum::verifier
