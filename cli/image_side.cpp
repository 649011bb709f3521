// SPDX-License-Identifier: Apache-2.0
// What one image grants, as items of a comparison: all that `verifier::Grants` holds but where RAM and channels were
// placed, which CPUs they are, and numbers that only tell one thing from another (ASIDs, DMA domains, table entries).
#include "cli/side_parts.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace septum::cli {
namespace {

using verifier::Grants;

// A piece of granted memory, cut where what lies behind it changes.
struct Piece {
    verifier::MemoryGrant memory;
    std::string of; // what lies there; empty: no record of the image says
};

std::vector<Piece> pieces(const verifier::MemoryGrant& memory, const Grants& grants) {
    std::set<std::uint64_t> cuts{memory.hpa, memory.hpa + memory.size};
    for (const auto& place : grants.places)
        for (const std::uint64_t cut : {place.base, place.base + place.size})
            if (cut > memory.hpa && cut - memory.hpa < memory.size)
                cuts.insert(cut);
    std::vector<Piece> out;
    for (auto cut = cuts.begin(); std::next(cut) != cuts.end(); ++cut) {
        Piece piece{memory, {}};
        piece.memory.hpa = *cut;
        piece.memory.gpa += *cut - memory.hpa;
        piece.memory.size = *std::next(cut) - *cut;
        for (const auto& place : grants.places)
            if (place.base <= *cut && *cut - place.base < place.size)
                piece.of += (piece.of.empty() ? "" : " and ") + place.name;
        out.push_back(std::move(piece));
    }
    return out;
}

// `address`: what the user of it says, a processor or a device.
void add_memory(const std::string& key, const std::string& subject, const std::string& what,
                const std::vector<verifier::MemoryGrant>& memory, const Grants& grants, Side& side) {
    for (const auto& each : memory)
        for (const Piece& piece : pieces(each, grants)) {
            constexpr std::string_view kChannel = "channel ";
            // A channel is called by its name: where it lies in the guest depends on its neighbours.
            const bool channel = piece.of.starts_with(kChannel) && what == "memory";
            Granted item = grant(subject, channel ? piece.of.substr(kChannel.size())
                                                  : fmt::format("{} at {:#x}", what, piece.memory.gpa));
            item.amounts["size"] = size_of(piece.memory.size);
            item.amounts["access"] = access_of(piece.memory.access);
            if (!piece.memory.type.empty())
                item.amounts["type"] = which(piece.memory.type);
            if (!channel)
                item.amounts["of"] = which(piece.of.empty() ? fmt::format("host {:#x}", piece.memory.hpa) : piece.of);
            side.add(key + (channel ? without_ticks(piece.of) : fmt::format("{}-{:#x}", what, piece.memory.gpa)),
                     std::move(item));
        }
}

// One item for all numbers of a kind, with each as an amount: a run that grows is not one lost and one gained.
void add_numbers(const std::string& key, Granted item, const std::vector<verifier::NumberRange>& ranges, Side& side) {
    for (const auto& range : ranges)
        for (std::uint64_t n = range.first; n <= range.last; ++n)
            item.amounts[fmt::format("{:#x}", n)] = yes_no(true);
    side.add(key, std::move(item));
}

void add_ports(const std::string& name, const std::vector<verifier::NumberRange>& ranges, Side& side) {
    for (const auto& range : ranges)
        for (std::uint64_t n = range.first; n <= range.last; ++n)
            side.add(fmt::format("grant:{}:port-{:#x}", name, n), grant(name, fmt::format("port {:#x}", n)));
}

void add_answers(const std::string& name, const char* what, const std::vector<verifier::AnswerGrants>& answers,
                 Granted& item, Side& side) {
    for (const auto& answer : answers) {
        const auto& [first, last] = answer.numbers;
        const std::string where =
            what + (first == last ? fmt::format(" {:#x}", first) : fmt::format(" {:#x}..{:#x}", first, last));
        if (answer.forbidden) // touching it is a fault, and nothing that somebody could do
            side.add(fmt::format("promise:{}:{}", name, without_ticks(where)),
                     promise(name, where + ": " + answer.answer));
        else
            item.amounts[where] = which(answer.answer);
    }
}

void add_cpuid(const std::string& name, const std::vector<verifier::CpuidGrants>& rules, Side& side) {
    constexpr const char* kRegisters[] = {"EAX", "EBX", "ECX", "EDX"};
    Granted item = grant(name, "CPUID");
    for (const auto& rule : rules) {
        const std::string leaf =
            rule.any_subleaf ? fmt::format("{:#x}", rule.leaf) : fmt::format("{:#x}.{:#x}", rule.leaf, rule.subleaf);
        for (std::size_t i = 0; i < 4; ++i) {
            item.amounts[fmt::format("{} hardware's {}", leaf, kRegisters[i])] = bits_of(rule.mask[i]);
            item.amounts[fmt::format("{} constant {}", leaf, kRegisters[i])] = bits_of(rule.set[i]);
        }
    }
    side.add("grant:" + name + ":cpuid", std::move(item));
}

void add_devices(const verifier::PartitionGrants& p, Side& side) {
    for (const auto& device : p.devices) {
        // Where it is on the board, whatever it is called there.
        const auto bdf = requester_text(device.requester);
        Granted item = grant(p.name, "device " + bdf);
        item.amounts["reset"] = {device.reset.empty() ? 1U : 0U, device.reset.empty() ? "none" : device.reset};
        for (const auto& rule : device.registers) {
            const std::string at = fmt::format("{:#04x}", rule.offset);
            item.amounts[at + " answer"] = which(rule.answer);
            item.amounts[at + " reads"] = bits_of(rule.reads);
            item.amounts[at + " writes"] = bits_of(rule.writes);
        }
        side.add("grant:" + p.name + ":device-" + bdf, std::move(item));
    }
}

void add_partition(const verifier::PartitionGrants& p, const Grants& grants, Side& side) {
    const std::string key = "grant:" + p.name + ":";
    Granted cpus = grant(p.name, "CPUs");
    cpus.amounts["count"] = count_of(p.apic_ids.size());
    side.add(key + "cpus", cpus);
    if (p.console)
        side.add(key + "console", grant(p.name, "console"));
    add_memory(key, p.name, "memory", p.memory, grants, side);
    add_devices(p, side);
    add_ports(p.name, p.ports, side);
    add_numbers(key + "msr-reads", grant(p.name, "MSRs read"), p.msr_reads, side);
    add_numbers(key + "msr-writes", grant(p.name, "MSRs written"), p.msr_writes, side);
    Granted answers = grant(p.name, "answers to what exits");
    add_answers(p.name, "port", p.port_answers, answers, side);
    add_answers(p.name, "MSR", p.msr_answers, answers, side);
    side.add(key + "answers", std::move(answers));
    add_cpuid(p.name, p.cpuid, side);
    Granted free = grant(p.name, "what does not exit");
    for (const auto& event : p.without_exit)
        free.amounts[event] = yes_no(true);
    side.add(key + "no-exits", std::move(free));
    Granted restarts = grant(p.name, "restarts");
    restarts.amounts["attempts"] = count_of(p.restart_limit);
    side.add(key + "restarts", restarts);
    for (const auto& [cause, answer] : p.conduct) {
        Granted item = grant(p.name, "after " + cause);
        item.amounts["answer"] = conduct_of(answer);
        side.add(key + "after-" + cause, std::move(item));
    }
    if (p.heartbeat_ms != 0)
        side.add(fmt::format("promise:{}:heartbeat-{}ms", p.name, p.heartbeat_ms),
                 promise(p.name, fmt::format("a heartbeat every {} ms", p.heartbeat_ms)));
    // Numbers that keep two apart are none, but for two that have the same.
    for (const auto& other : grants.partitions) {
        if (&other == &p)
            continue;
        if (other.asid == p.asid)
            side.add(key + "asid-of-" + other.name, grant(p.name, "the ASID of " + ticked(other.name)));
        for (const std::uint32_t id : p.apic_ids)
            if (std::find(other.apic_ids.begin(), other.apic_ids.end(), id) != other.apic_ids.end())
                side.add(fmt::format("{}cpu-of-{}-{}", key, other.name, id),
                         grant(p.name, fmt::format("the CPU with APIC id {} of {}", id, ticked(other.name))));
    }
}

// What the requests of each function reach. Domains have numbers of no meaning, so it is said of each function.
void add_requesters(const Grants& grants, Side& side) {
    for (const auto& range : grants.requesters) {
        if (range.state == "blocked")
            continue;
        for (std::uint32_t id = range.ids.first; id <= range.ids.last; ++id) {
            const auto bdf = requester_text(id);
            Granted item = grant("device " + bdf, "DMA");
            item.amounts["state"] = which(range.state);
            bool own_tlb = false;
            for (const auto& domain : grants.domains)
                if (range.state == "translated" && domain.id == range.domain) {
                    own_tlb = own_tlb || domain.device_tlb;
                    add_memory("grant:" + bdf + ":", "device " + bdf, "DMA", domain.memory, grants, side);
                }
            item.amounts["translated by itself"] = yes_no(own_tlb);
            side.add("grant:" + bdf + ":dma", std::move(item));
        }
    }
}

void add_interrupts(const Grants& grants, Side& side) {
    for (const auto& each : grants.interrupts) {
        const auto bdf = requester_text(each.requester);
        // "the kernel" is in no key of a partition's, as names of partitions have no blank.
        Granted item = grant(each.owner, "interrupts of " + bdf);
        item.amounts["entries"] = count_of(static_cast<std::uint64_t>(each.entries.last) - each.entries.first + 1);
        item.amounts["vectors"] =
            which(each.delivery == "fixed" ? fmt::format("{:#x}..{:#x}", each.vectors.first, each.vectors.last)
                                           : each.delivery);
        item.amounts["shared with other sources"] = yes_no(!each.exact);
        item.amounts["before launch"] = yes_no(each.present);
        side.add(fmt::format("grant:{}:interrupts-{}", without_ticks(each.owner), bdf), std::move(item));
    }
    for (const auto& stray : grants.strays) {
        const auto bdf = requester_text(stray.requester);
        side.add(fmt::format("grant:{}:interrupt-{}-{}", bdf, stray.entry, without_ticks(stray.meaning)),
                 grant("device " + bdf, fmt::format("interrupt entry {}: {}", stray.entry, stray.meaning)));
    }
    for (const auto& route : grants.routes)
        for (std::uint32_t id = route.ids.first; id <= route.ids.last; ++id) {
            const auto bdf = requester_text(id);
            side.add(fmt::format("grant:{}:interrupts-pass-{}", bdf, route.state),
                     grant("device " + bdf, "interrupts past the tables, " + route.state));
        }
}

void add_bridges(const Grants& grants, Side& side) {
    for (const auto& bridge : grants.bridges) {
        const auto bdf = requester_text(bridge.requester);
        Granted item = grant("bridge " + bdf, "addresses that it passes on");
        item.amounts["plain"] = size_of(bridge.window);
        item.amounts["prefetchable"] = size_of(bridge.prefetchable);
        side.add("grant:bridge-" + bdf + ":windows", std::move(item));
        if (bridge.kept_apart)
            side.add("promise:bridge-" + bdf + ":acs",
                     promise("bridge " + bdf, "what lies below it reaches its neighbours by the IOMMU only"));
    }
}

} // namespace

Side side_of(const Grants& grants, verifier::FlowView flow) {
    Side side;
    side.flow = std::move(flow);
    add_flows(side);
    for (const auto& partition : grants.partitions)
        add_partition(partition, grants, side);
    for (const auto& channel : grants.channels) {
        const std::string between = "flow:" + channel.from + ":" + channel.to + ":";
        if (const auto found = side.items.find(between + "channel-" + channel.name); found != side.items.end())
            found->second.amounts["size"] = size_of(channel.size);
        if (const auto found = side.items.find(between + "the-doorbell-of-" + channel.name); found != side.items.end())
            found->second.amounts["interrupts"] = yes_no(channel.interrupts);
    }
    add_requesters(grants, side);
    add_interrupts(grants, side);
    add_bridges(grants, side);
    for (const auto& demand : grants.contract)
        side.add("promise:board:" + without_ticks(demand), promise("the machine", demand));
    if (grants.unit != "none")
        side.add("promise:board:" + grants.unit, promise("the machine", "DMA goes through its unit, " + grants.unit));
    for (const std::uint8_t byte : grants.kernel_digest)
        side.kernel += fmt::format("{:02x}", byte);
    return side;
}

} // namespace septum::cli
