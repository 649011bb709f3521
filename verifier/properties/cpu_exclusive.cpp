// SPDX-License-Identifier: Apache-2.0
// cpu.exclusive: each CPU has one owner.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <septum/manifest/layout.hpp>

#include <map>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void exclusive_model(const Context& context, Judge& judge) {
    struct Pin {
        const config::Partition* partition;
        config::Span span;
    };
    std::map<std::uint32_t, Pin> owners;
    for (const config::Partition& partition : context.model.partitions) {
        for (const config::Spanned<std::uint32_t>& pin : partition.cpu_pins) {
            judge.rests_on(pin.span);
            const auto [first, fresh] = owners.emplace(pin.value, Pin{&partition, pin.span});
            if (fresh) {
                continue;
            }
            const std::string& owner = first->second.partition->name.value;
            judge.violated(
                {.message = first->second.partition == &partition
                                ? fmt::format("`{}` pins CPU {} twice", owner, pin.value)
                                : fmt::format("`{}` and `{}` both own CPU {}", partition.name.value, owner, pin.value),
                 .partitions = {owner, partition.name.value},
                 .key = fmt::format("cpu{}", pin.value),
                 .witness = fmt::format("CPU {}", pin.value),
                 .primary = pin.span,
                 .label = "pinned again",
                 .related = {{first->second.span, fmt::format("`{}` pins it here", owner)}},
                 .help = "pin another CPU, or give only the number of CPUs and let the planner choose"});
        }
    }
}

void exclusive_bytes(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    std::map<std::uint32_t, std::size_t> apic_ids;
    Pieces blocks;
    Pieces ids; // one key per APIC id, for the solver
    const auto owner = [&](const manifest::Cpu& cpu) {
        return cpu.partition < facts.partitions.size() ? facts.partitions[cpu.partition].name
                                                       : fmt::format("partition {}", cpu.partition);
    };
    bool once = true;
    for (std::size_t i = 0; i < facts.manifest.cpus.size(); ++i) {
        const manifest::Cpu& cpu = facts.manifest.cpus[i];
        const auto [first, fresh] = apic_ids.emplace(cpu.apic_id, i);
        if (!fresh) {
            once = false;
            judge.violated({.message = fmt::format("the image gives the CPU with APIC id {} to `{}` and to `{}`",
                                                   cpu.apic_id, owner(facts.manifest.cpus[first->second]), owner(cpu)),
                            .partitions = {owner(facts.manifest.cpus[first->second]), owner(cpu)},
                            .key = fmt::format("apic{}", cpu.apic_id),
                            .witness = fmt::format("APIC id {}", cpu.apic_id)});
        }
        ids.push_back({cpu.apic_id, static_cast<std::uint64_t>(cpu.apic_id) + 1, i});
        blocks.push_back({cpu.block.value, cpu.block.value + layout::CpuBlock::kSize, i});
    }
    const std::size_t cpus = blocks.size();
    for (const PartitionFacts& partition : facts.partitions) {
        const std::uint64_t base = partition.record.block.value;
        blocks.push_back({base, base + layout::PartitionBlock::kSize, blocks.size()});
    }
    std::vector<std::string> others; // of devices and the IOMMU
    const std::size_t owners = blocks.size();
    const auto add = [&](std::uint64_t base, std::uint64_t size, std::string name) {
        blocks.push_back({base, base + size, blocks.size()});
        others.push_back(std::move(name));
    };
    for (const manifest::Device& device : facts.manifest.devices) {
        if (device.bdf != manifest::kNobody) {
            add(device.block.value, layout::DeviceBlock::kSize, ticked(decode::text(device.name)));
        }
    }
    if (facts.devices.present) { // with no device assigned the unit still takes commands and reports faults
        add(facts.devices.record.queue.value, kPageSize, "the IOMMU's queue");
        add(facts.devices.record.log.value, layout::IommuBlock::kSize - layout::IommuBlock::kLog, "the IOMMU's log");
    }
    const auto block_name = [&](std::uint64_t index) {
        return index < cpus     ? fmt::format("CPU {}", index)
               : index < owners ? fmt::format("`{}`", facts.partitions[index - cpus].name)
                                : others[index - owners];
    };
    for (const Overlap& overlap : overlaps(blocks)) {
        judge.violated(
            {.message = fmt::format("the kernel's blocks of {} and {} overlap at {}", block_name(overlap.earlier),
                                    block_name(overlap.later), range(overlap.first, overlap.end)),
             .key = "block",
             .witness = "host-physical " + address(overlap.first)});
    }
    const PlaceRange& workspace = facts.kernel.workspace;
    for (const Piece& piece : without(blocks, {{workspace.base, workspace.base + workspace.size, 0}})) {
        judge.violated(
            {.message = fmt::format("the kernel's block of {} lies outside its workspace", block_name(piece.value)),
             .key = "block-outside",
             .witness = "host-physical " + address(piece.first)});
    }
    judge.solver_agrees(once,
                        [&](unsigned timeout) { return smt::never_twice("cpu.exclusive: APIC ids", ids, timeout); });
}

} // namespace

const Property kCpuExclusive{
    .id = "cpu.exclusive",
    .title = "each CPU has one owner",
    .statement =
        "No CPU is given to two partitions, and the kernel's own blocks per CPU and per partition lie apart in its "
        "workspace. On the model alone: no CPU is pinned twice.",
    .level = Level::bytes,
    .rests_on = "the manifest's list of CPUs, which is what the kernel starts",
    .manual = "septum/manifest/manifest.hpp: Cpu",
    .mend = kImageAltered,
    .model = exclusive_model,
    .bytes = exclusive_bytes,
};

} // namespace septum::verifier
