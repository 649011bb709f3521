// SPDX-License-Identifier: Apache-2.0
#include "tests/mutation/model_mutants.hpp"

#include <septum/types.hpp>

#include <algorithm>

namespace septum::mutation {

std::vector<ModelMutant> model_mutants() {
    return {
        {"more memory", "memory: 2 MiB", "memory: 4 MiB"},
        {"less memory", "    memory: 4 MiB\n    base", "    memory: 2 MiB\n    base"},
        {"another pin", "cpus: [4]", "cpus: [5]"},
        {"one pin less", "cpus: [0, 1]", "cpus: [0]"},
        {"pins in another order", "cpus: [2, 3]", "cpus: [3, 2]"},
        {"another base", "base: 0x300_0000", "base: 0x320_0000"},
        {"another fault policy", "on_fault: stop", "on_fault: restart"},
        {"a policy that halts", "on_fault: stop", "on_fault: halt-system"},
        {"another limit", "attempts: 5", "attempts: 6"},
        {"no console", "    memory: 2 MiB\n    boot: {multiboot: {kernel: pc.elf}}\n    console: true",
         "    memory: 2 MiB\n    boot: {multiboot: {kernel: pc.elf}}"},
        {"a PC less", "boot: {multiboot: {kernel: pc.elf}}", "boot: {elf: pc.elf}"},
        {"a PC more", "    base: 0x300_0000\n    boot: {elf: guest.elf}",
         "    base: 0x300_0000\n    boot: {multiboot: {kernel: pc.elf}}"},
        {"a console", "on_fault: stop", "console: true"},
        {"fewer ports", "ports: [0x2f8-0x2ff]", "ports: [0x2f8-0x2fe]"},
        {"more ports", "ports: [0x2f8-0x2ff]", "ports: [0x2f8-0x300]"},
        {"other ports", "ports: [0x2f8-0x2ff]", "ports: [0x2e8-0x2ef]"},
        {"ports for another", "on_fault: stop", "ports: [0x378]"},
        {"a channel turned round", "log: {from: alpha, to: gamma", "log: {from: gamma, to: alpha"},
        {"a channel to another", "log: {from: alpha, to: gamma", "log: {from: alpha, to: beta"},
        {"a channel larger", "size: 8 KiB", "size: 12 KiB"},
        {"a channel smaller", "request: {from: alpha, to: beta, size: 64 KiB",
         "request: {from: alpha, to: beta, size: 60 KiB"},
        {"a channel less", "  log: {from: alpha, to: gamma, size: 8 KiB}\n", ""},
        {"a channel more", "channels:\n", "channels:\n  more: {from: gamma, to: beta, size: 4 KiB}\n"},
        {"a channel renamed", "  log: {", "  zlog: {"},
        {"a doorbell less", "answer: {from: beta, to: alpha, size: 64 KiB, doorbell: true}",
         "answer: {from: beta, to: alpha, size: 64 KiB}"},
        {"a doorbell more", "size: 8 KiB}", "size: 8 KiB, doorbell: true}"},
        {"a channel pinned", "size: 8 KiB}", "size: 8 KiB, base: 0x700_0000}"},
        {"a partition renamed", "gamma", "gamna"},
        {"another appliance", "name: mutated", "name: mutant"},
        {"a rule that does not hold", "policy:\n", "policy:\n  - never: {from: beta, to: gamma}\n"},
        {"a rule past nobody", "policy:\n", "policy:\n  - only: {from: alpha, to: beta, via: [gamma]}\n"},
        {"another APIC id", "{apic: 4, core: 2}", "{apic: 8, core: 2}"},
        {"a CPU more", "    - {apic: 5, core: 2}\n", "    - {apic: 5, core: 2}\n    - {apic: 6, core: 3}\n"},
        {"siblings apart", "{apic: 1, core: 0}", "{apic: 1, core: 1}"},
        {"memory gone", "{base: 0x100_0000, size: 128 MiB}", "{base: 0x100_0000, size: 16 MiB}"},
        {"another trampoline", "trampoline: 0x8000", "trampoline: 0x9000"},
        {"another function", "id: 8086:2922", "id: 8086:2923"},
        {"a function more", "  pci:\n", "  pci:\n    smbus: {at: 00:1f.3, id: 8086:2930}\n"},
        {"the unit elsewhere", "registers: 0xfed9_0000", "registers: 0xfed9_1000"},
        {"no unit", "iommu: {kind: vt-d, registers: 0xfed9_0000}", "iommu: {kind: none}"},
        {"a newer microcode", "microcode-floor: 0x5", "microcode-floor: 0x6"},
        {"another board", "  name: bench", "  name: bank"},
        {"more address bits", "physical-address-bits: 40", "physical-address-bits: 42"},
    };
}

std::vector<ModelMutant> device_model_mutants() {
    return {
        {"a device less", "    devices: [nic]\n", ""},
        {"devices exchanged", "    devices: [disk]\n", "    devices: [nic, disk]\n"},
        {"a BAR elsewhere", "0: {base: 0xf060_0000, size: 1 MiB", "0: {base: 0xf070_0000, size: 1 MiB"},
        {"a BAR smaller", "0: {base: 0xf000_0000, size: 16 KiB", "0: {base: 0xf000_0000, size: 32 KiB"},
        {"a longer table", "entries: 65", "entries: 66"},
        {"a table elsewhere", "table: {bar: 0, offset: 0x2000}", "table: {bar: 0, offset: 0x1000}"},
        {"another MSI-X capability", "msix: {at: 0xdc", "msix: {at: 0xd0"},
        {"more vectors", "vectors: 2", "vectors: 4"},
        {"another reset", "power: 0x60\n      reset: flr", "power: 0x60\n      reset: power"},
        {"another bridge window", "window: {base: 0xf000_0000, size: 2 MiB}",
         "window: {base: 0xf000_0000, size: 1 MiB}"},
        {"access control elsewhere", "subordinate: 1, acs: 0x148", "subordinate: 1, acs: 0x158"},
        {"no access control", "subordinate: 1, acs: 0x148, ", "subordinate: 1, "},
        {"no configuration space", "  ecam: 0xb000_0000\n", "  ecam: 0xa000_0000\n"},
        {"short destinations", "extended-interrupts: true", "extended-interrupts: false"},
        {"smaller pages", "largest-page: 1 GiB", "largest-page: 4 KiB"},
        {"a group across owners", "      reset: flr\n", "      reset: flr\n      group: 9\n"},
        {"a capability less", "        - {at: 0xb4, id: 0x09, size: 20}\n", ""},
        {"a device restarted without reset", "      reset: power\n", "      reset: none\n"},
    };
}

namespace {

class Demands {
public:
    explicit Demands(const config::Model& model) : model_(model) {}

    Grants run() {
        for (std::uint32_t i = 0; i < model_.partitions.size(); ++i) {
            partition(i, model_.partitions[i]);
        }
        std::vector<std::uint64_t> next(model_.partitions.size(), 0xD000'0000);
        for (std::uint32_t c = 0; c < model_.channels.size(); ++c) {
            const config::Channel& channel = model_.channels[c];
            name(1000 + c, channel.name.value);
            say(Kind::channel, c, channel.from.value, channel.to.value);
            say(Kind::channel, c, 1000, channel.doorbell ? 1 : 0);
            say(Kind::place, 1000 + c, 0, channel.base ? channel.base->value : 0);
            for (const std::uint32_t end : {channel.from.value, channel.to.value}) {
                for (std::uint64_t at = 0; at < channel.size.value; at += kPageSize) {
                    say(Kind::memory, end, next[end] + at, end == channel.from.value ? 2 : 1);
                }
                next[end] = (next[end] + channel.size.value + 2 * kMiB - 1) / (2 * kMiB) * (2 * kMiB);
            }
        }
        board(model_.board);
        for (std::uint32_t r = 0; r < model_.policy.size(); ++r) {
            const config::FlowRule& rule = model_.policy[r];
            say(Kind::conduct, 2000 + r, rule.from.index, rule.to.index);
            for (const config::FlowEnd& via : rule.via) {
                say(Kind::conduct, 3000 + r, via.index, 0);
            }
        }
        std::sort(out_.begin(), out_.end());
        return std::move(out_);
    }

private:
    void say(Kind kind, std::uint32_t who, std::uint64_t key, std::uint64_t value) {
        out_.push_back({kind, who, key, value});
    }
    void name(std::uint32_t who, const std::string& text) {
        for (std::size_t i = 0; i < text.size(); ++i) {
            say(Kind::contract, who, i, static_cast<unsigned char>(text[i]));
        }
    }
    void partition(std::uint32_t i, const config::Partition& p) {
        name(i, p.name.value);
        for (std::uint64_t at = 0; at < p.memory.value; at += kPageSize) {
            say(Kind::memory, i, at, 7);
        }
        say(Kind::place, i, 0, p.base ? p.base->value : 0);
        say(Kind::cpu, i, 1000, p.cpu_count);
        for (std::size_t n = 0; n < p.cpu_pins.size(); ++n) {
            say(Kind::cpu, i, n, p.cpu_pins[n].value);
        }
        for (std::size_t cause = 0; cause < config::kCauses; ++cause) {
            say(Kind::conduct, i, 16 + cause, static_cast<std::uint64_t>(p.on_fault.by_cause[cause]));
        }
        say(Kind::conduct, i, 1, p.on_fault.action == config::FaultAction::restart ? p.on_fault.attempts : 0);
        say(Kind::conduct, i, 2, p.console ? 1 : 0);
        say(Kind::conduct, i, 3, static_cast<std::uint64_t>(p.boot.kind));
        for (std::size_t n = 0; n < p.devices.size(); ++n) {
            name(7000 + i * 16 + static_cast<std::uint32_t>(n), p.devices[n].value);
        }
        for (std::size_t n = 0; n < p.ports_first.size(); ++n) {
            for (std::uint32_t port = p.ports_first[n].value; port <= p.ports_last[n].value; ++port) {
                say(Kind::ports, i, port, 1);
            }
        }
    }
    void function_of(const config::BoardPciFunction& f) {
        const std::uint32_t who = 6000U + f.bdf;
        for (const config::BoardBar& bar : f.bars) {
            say(Kind::pci, who, bar.number, bar.base.value);
            say(Kind::pci, who, 16U + bar.number, bar.size.value);
        }
        say(Kind::pci, who, 32, std::uint64_t{f.msi.at} << 8 | f.msi.vectors);
        say(Kind::pci, who, 33, static_cast<std::uint64_t>(f.msix.at) << 32 | f.msix.entries);
        say(Kind::pci, who, 34, static_cast<std::uint64_t>(f.msix.table_offset) << 8 | f.msix.table_bar);
        say(Kind::pci, who, 35, static_cast<std::uint64_t>(f.reset));
        say(Kind::pci, who, 36, f.group.value);
        say(Kind::pci, who, 37, f.bridge.acs_at);
        say(Kind::pci, who, 38, f.bridge.window_base);
        say(Kind::pci, who, 39, f.bridge.window_size);
        for (const config::BoardCapability& capability : f.capabilities) {
            say(Kind::pci, who, 64U + capability.at, capability.size);
        }
    }
    void board(const config::Board& b) {
        name(5000, b.name.value);
        say(Kind::contract, 5001, 0, static_cast<std::uint64_t>(b.apic.value));
        say(Kind::contract, 5001, 1, b.physical_address_bits);
        say(Kind::contract, 5001, 2, b.microcode_floor);
        say(Kind::contract, 5001, 3, b.trampoline.value);
        say(Kind::contract, 5001, 4, static_cast<std::uint64_t>(b.iommu.kind));
        say(Kind::contract, 5001, 5, b.iommu.registers.value);
        for (std::size_t i = 0; i < b.cpus.size(); ++i) {
            say(Kind::contract, 5002, i, static_cast<std::uint64_t>(b.cpus[i].apic_id.value) << 32 | b.cpus[i].core);
        }
        for (const config::BoardMemory& part : b.memory) {
            say(Kind::contract, 5003, part.base.value, part.size.value);
        }
        say(Kind::contract, 5001, 6, b.iommu.largest_page);
        say(Kind::contract, 5001, 7, b.iommu.extended_interrupts ? 1 : 0);
        say(Kind::contract, 5001, 8, b.ecam ? b.ecam->value : 0);
        for (const config::BoardPciFunction& function : b.pci) {
            function_of(function);
            say(Kind::contract, 5004, function.bdf,
                static_cast<std::uint64_t>(function.device) << 16 | function.vendor);
        }
    }

    const config::Model& model_;
    Grants out_;
};

} // namespace

Grants demanded(const config::Model& model) {
    return Demands(model).run();
}

} // namespace septum::mutation
