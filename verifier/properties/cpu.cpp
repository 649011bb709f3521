// SPDX-License-Identifier: Apache-2.0
// Whole CPUs, each with one owner.
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>
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
    split_cores(context, judge, owners, true);
}

void asid_bytes(const Context& context, Judge& judge) {
    Pieces keys;
    std::map<std::uint32_t, const PartitionFacts*> owners;
    bool once = true;
    for (const PartitionFacts& partition : context.facts->partitions) {
        const std::uint32_t asid = partition.record.asid;
        keys.push_back({asid, static_cast<std::uint64_t>(asid) + 1, keys.size()});
        if (asid == 0) {
            judge.violated(
                {.message = fmt::format("`{}` has address-space id 0, which is the kernel's own", partition.name),
                 .partitions = {partition.name},
                 .key = "zero",
                 .witness = "ASID 0"});
        }
        for (const decode::Vmcb* vmcb : {&partition.vmcb_boot, &partition.vmcb_ap}) {
            if (vmcb->asid != asid) {
                judge.violated({.message = fmt::format("a VMCB template of `{}` has ASID {}, expected {}",
                                                       partition.name, vmcb->asid, asid),
                                .partitions = {partition.name},
                                .key = "vmcb",
                                .witness = fmt::format("ASID {}", vmcb->asid)});
            }
        }
        const auto [first, fresh] = owners.emplace(asid, &partition);
        if (!fresh) {
            once = false;
            judge.violated({.message = fmt::format("`{}` and `{}` have the same ASID {}", partition.name,
                                                   first->second->name, asid),
                            .partitions = {partition.name, first->second->name},
                            .key = "same",
                            .witness = fmt::format("ASID {}", asid)});
        }
    }
    judge.solver_agrees(once, [&](unsigned timeout) { return smt::never_twice("asid.unique", keys, timeout); });
}

} // namespace

const Property kCpuExclusive{
    .id = "cpu.exclusive",
    .title = "each CPU has one owner",
    .statement =
        "No CPU is given to two partitions, and the kernel's own blocks per CPU and per partition lie apart in "
        "its workspace. On the model alone: no CPU is pinned twice.",
    .level = Level::bytes,
    .rests_on = "the manifest's list of CPUs, which is what the kernel starts",
    .manual = "septum/manifest/manifest.hpp: Cpu",
    .mend = "build the image anew; if it stays, the image was altered",
    .model = exclusive_model,
    .bytes = exclusive_bytes,
};

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

const Property kAsidUnique{
    .id = "asid.unique",
    .title = "address-space ids are unique",
    .statement = "Every partition has its own ASID, none has 0, and both of its VMCB templates carry it: a translation "
                 "cached for one can't serve another.",
    .level = Level::bytes,
    .rests_on = "the number of ASIDs the processor has, which is a fact of the board contract",
    .manual = "AMD APM volume 2 §15.16",
    .mend = "build the image anew; if it stays, the image was altered",
    .bytes = asid_bytes,
};

} // namespace septum::verifier
