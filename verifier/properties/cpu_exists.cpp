// SPDX-License-Identifier: Apache-2.0
// cpu.exists: the CPUs are the board's, as many as declared.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"

#include <map>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void exists_model(const Context& context, Judge& judge) {
    const config::Model& model = context.model;
    const std::size_t have = model.board.cpus.size();
    std::uint64_t need = 0;
    const config::Partition* over = nullptr;
    for (const config::Partition& partition : model.partitions) {
        judge.rests_on(partition.cpus_span);
        for (const config::Spanned<std::uint32_t>& pin : partition.cpu_pins) {
            if (pin.value >= have) {
                judge.violated(
                    {.message = fmt::format("`{}` owns CPU {}, but board `{}` has CPUs 0..{}", partition.name.value,
                                            pin.value, model.board.name.value, have == 0 ? 0 : have - 1),
                     .partitions = {partition.name.value},
                     .key = fmt::format("cpu{}", pin.value),
                     .witness = fmt::format("CPU {}", pin.value),
                     .primary = pin.span,
                     .label = "no such CPU"});
            }
        }
        if (!partition.cpu_pins.empty() && partition.cpu_pins.size() != partition.cpu_count) {
            judge.violated({.message = fmt::format("`{}` has {} CPUs but pins {}", partition.name.value,
                                                   partition.cpu_count, partition.cpu_pins.size()),
                            .partitions = {partition.name.value},
                            .key = "count",
                            .primary = partition.cpus_span});
        }
        need += partition.cpu_count;
        if (over == nullptr && need > have) {
            over = &partition;
        }
    }
    if (over == nullptr) {
        return;
    }
    Said said;
    said.message = fmt::format("the partitions own {} CPUs, but board `{}` has {}", need, model.board.name.value, have);
    said.partitions.push_back(over->name.value);
    said.key = "total";
    said.witness = fmt::format("{} CPU{} too many", need - have, need - have == 1 ? "" : "s");
    said.primary = over->cpus_span;
    said.label = fmt::format("`{}` takes {}", over->name.value, over->cpu_count);
    for (const config::Partition& partition : model.partitions) {
        if (&partition != over && said.related.size() < 8) {
            said.related.push_back(
                {partition.cpus_span, fmt::format("`{}` takes {}", partition.name.value, partition.cpu_count)});
        }
    }
    said.help = "take CPUs from a partition, or use a board with more";
    judge.violated(std::move(said));
}

void exists_bytes(const Context& context, Judge& judge) {
    const config::Model& model = context.model;
    const Facts& facts = *context.facts;
    std::map<std::uint32_t, std::uint32_t> number; // APIC id → CPU of the board
    for (std::uint32_t i = 0; i < model.board.cpus.size(); ++i) {
        judge.rests_on(model.board.cpus[i].apic_id.span);
        number.emplace(model.board.cpus[i].apic_id.value, i);
    }
    for (const manifest::Cpu& cpu : facts.manifest.cpus) {
        if (!number.contains(cpu.apic_id)) {
            judge.violated(
                {.message = fmt::format("the image starts a CPU with APIC id {}, which board `{}` does not have",
                                        cpu.apic_id, model.board.name.value),
                 .key = fmt::format("apic{}", cpu.apic_id),
                 .witness = fmt::format("APIC id {}", cpu.apic_id),
                 .primary = model.board.name.span});
        }
    }
    std::size_t owned = 0;
    for (std::uint32_t i = 0; i < model.partitions.size(); ++i) {
        const PartitionFacts* found = context.places->partitions[i].facts;
        if (found == nullptr) {
            continue;
        }
        const config::Partition& partition = model.partitions[i];
        const std::string& name = partition.name.value;
        const auto say = [&](std::string message, std::string key, std::string witness) {
            judge.violated({.message = std::move(message),
                            .partitions = {name},
                            .key = std::move(key),
                            .witness = std::move(witness),
                            .primary = partition.cpus_span});
        };
        const std::span<const manifest::Cpu> cpus = facts.manifest.cpus_of(found->record);
        owned += cpus.size();
        if (cpus.size() != partition.cpu_count) {
            say(fmt::format("`{}` has {} CPUs in the image, expected {}", name, cpus.size(), partition.cpu_count),
                "count", "");
        }
        for (std::size_t v = 0; v < cpus.size(); ++v) {
            const std::string witness = fmt::format("APIC id {}", cpus[v].apic_id);
            if (cpus[v].partition >= facts.partitions.size() || &facts.partitions[cpus[v].partition] != found) {
                say(fmt::format("CPU {} of `{}` is recorded as another partition's", v, name), "owner", witness);
            }
            if (cpus[v].vcpu != v) {
                say(fmt::format("CPU {} of `{}` carries number {}", v, name, cpus[v].vcpu), "number", witness);
            }
            if (v < partition.cpu_pins.size()) {
                const auto board_cpu = number.find(cpus[v].apic_id);
                if (board_cpu == number.end() || board_cpu->second != partition.cpu_pins[v].value) {
                    say(fmt::format("`{}` is pinned to CPU {}, but the image gives it the CPU with APIC id {}", name,
                                    partition.cpu_pins[v].value, cpus[v].apic_id),
                        "pin", witness);
                }
            }
        }
    }
    // Every CPU of the board is the kernel's to start: one that were left out would run whatever firmware left there.
    std::size_t asleep = 0;
    for (const manifest::Cpu& cpu : facts.manifest.cpus) {
        number.erase(cpu.apic_id);
        if (cpu.partition == manifest::kNobody) {
            ++asleep;
        } else if (asleep != 0) {
            judge.violated({.message = fmt::format(
                                "the CPU with APIC id {} is owned, but recorded among those that sleep", cpu.apic_id),
                            .key = fmt::format("order{}", cpu.apic_id),
                            .witness = fmt::format("APIC id {}", cpu.apic_id)});
        }
    }
    Pieces started; // the same for the solver: both name the same CPUs
    Pieces there;
    for (const manifest::Cpu& cpu : facts.manifest.cpus) {
        started.push_back({cpu.apic_id, cpu.apic_id + 1ULL, 0});
    }
    for (const config::BoardCpu& cpu : model.board.cpus) {
        there.push_back({cpu.apic_id.value, cpu.apic_id.value + 1ULL, 0});
    }
    started = united(std::move(started));
    there = united(std::move(there));
    judge.solver_agrees(differences(started, there).empty(), [&](unsigned timeout) {
        return smt::equal_functions("cpu.exists: APIC ids", started, there, false, timeout);
    });
    for (const auto& [apic_id, cpu] : number) {
        judge.violated({.message = fmt::format("the image knows nothing of the CPU with APIC id {} of board `{}`",
                                               apic_id, model.board.name.value),
                        .key = fmt::format("left{}", apic_id),
                        .witness = fmt::format("APIC id {}", apic_id),
                        .primary = model.board.cpus[cpu].apic_id.span});
    }
    if (owned + asleep != facts.manifest.cpus.size()) {
        judge.violated({.message = fmt::format("the image has {} CPUs, but partitions own {} and {} sleep",
                                               facts.manifest.cpus.size(), owned, asleep),
                        .key = "unowned",
                        .witness = fmt::format("{} CPUs", facts.manifest.cpus.size())});
    }
}

} // namespace

const Property kCpuExists{
    .id = "cpu.exists",
    .title = "the CPUs are the board's, as many as declared",
    .statement = "The image lists exactly the CPUs of the board; every partition has as many as declared, the pinned "
                 "ones where they are pinned; those that nobody owns sleep in the kernel. On the model alone: the sum "
                 "fits and pins name CPUs of the board.",
    .level = Level::bytes,
    .rests_on = "the board file; the kernel compares APIC ids with the machine",
    .manual = "AMD APM volume 2 §16.3; ACPI 6.5 §5.2.12",
    .mend = "name CPUs that the board has, or give only their number and let the planner choose",
    .model = exists_model,
    .bytes = exists_bytes,
};

} // namespace septum::verifier
