// SPDX-License-Identifier: Apache-2.0
// acpi.consistent: a guest is told what it has.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"
#include "verifier/properties/shared/words.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/info.hpp>

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

std::string info_text(const char (&text)[32]) {
    const char* end = std::find(std::begin(text), std::end(text), '\0');
    return {std::begin(text), end};
}

// One partition, with a voice.
struct Told {
    const Context& context;
    Judge& judge;
    std::uint32_t index;
    const PartitionFacts& facts;

    [[nodiscard]] const config::Partition& partition() const { return context.model.partitions[index]; }
    [[nodiscard]] const DeclaredPartition& declared() const { return context.declared.partitions[index]; }

    void say(const std::string& message, std::string key, const std::string& witness = {}) const {
        judge.violated({.message = fmt::format("`{}` {}", partition().name.value, message),
                        .partitions = {partition().name.value},
                        .key = std::move(key),
                        .witness = witness,
                        .primary = partition().name.span});
    }
    template <typename T>
    void equal(const char* what, const T& found, const T& expected) const {
        if (found != expected) {
            say(fmt::format("is told {} {}, expected {}", what, found, expected), what);
        }
    }
};

// What the boot CPU starts with: one register leads to what it is told (SysV AMD64 ABI; Linux x86 boot protocol, 64
// bit; PVH start of day; Multiboot 0.6.96 §3.2), the others to nothing.
struct EntryRegisters {
    std::uint64_t rdi = 0;
    std::uint64_t rsi = 0;
    std::uint64_t rbx = 0;
};

EntryRegisters entry_registers(config::BootKind kind, const manifest::Partition& record) {
    switch (kind) {
    case config::BootKind::elf64:
        return {.rdi = guest::kInfoBase};
    case config::BootKind::linux:
        return {.rsi = record.entry_rsi};
    case config::BootKind::pvh:
    case config::BootKind::multiboot:
        break;
    }
    return {.rbx = record.entry_rbx};
}

void check_entry(const Told& told) {
    const manifest::Partition& record = told.facts.record;
    const EntryRegisters expected = entry_registers(told.partition().boot.kind, record);
    const auto one = [&](const char* name, std::uint64_t found, std::uint64_t should) {
        if (found != should) {
            told.say(fmt::format("starts with {} in {}, expected {}", address(found), name, address(should)), name);
        }
    };
    one("RDI", record.entry_rdi, expected.rdi);
    one("RSI", record.entry_rsi, expected.rsi);
    one("RBX", record.entry_rbx, expected.rbx);
}

void check_info(const Told& told) {
    if (!told.facts.info) {
        told.say(fmt::format("is told nothing at guest-physical {}", address(guest::kInfoBase)), "info");
        return;
    }
    const guest::Info& info = told.facts.info->info;
    const config::Model& model = told.context.model;
    told.equal("its name", info_text(info.name), told.partition().name.value);
    told.equal("RAM of", info.ram_size, told.partition().memory.value);
    told.equal("its number of CPUs", static_cast<std::size_t>(info.cpu_count), told.facts.cpus.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(told.facts.cpus.size(), guest::kMaxInfoCpus); ++i) {
        told.equal("an APIC id", info.apic_ids[i], told.facts.cpus[i].apic_id);
    }
    std::vector<const Grant*> channels;
    for (const Grant& grant : told.context.declared.partitions[told.index].grants) {
        if (grant.channel != ~0U) {
            channels.push_back(&grant);
        }
    }
    told.equal("its number of channels", static_cast<std::size_t>(info.channel_count), channels.size());
    const std::size_t listed = std::min<std::size_t>(info.channel_count, guest::kMaxInfoChannels);
    for (const Grant* grant : channels) {
        const config::Channel& channel = model.channels[grant->channel];
        const guest::InfoChannel* found = nullptr;
        for (std::size_t i = 0; i < listed; ++i) {
            if (info_text(info.channels[i].name) == channel.name.value) {
                found = &info.channels[i];
            }
        }
        if (found == nullptr) {
            told.say(fmt::format("is not told of channel `{}`", channel.name.value), "channel-" + channel.name.value);
            continue;
        }
        const bool sends = grant->kind == manifest::RegionKind::channel_send;
        const std::uint32_t peer = sends ? channel.to.value : channel.from.value;
        const bool right = found->gpa == grant->gpa && found->size == grant->size &&
                           found->direction == (sends ? 1 : 2) && (found->doorbell != 0) == channel.doorbell &&
                           found->vector == (sends ? 0 : told.context.declared.channels[grant->channel].vector) &&
                           found->index == told.context.places->channels[grant->channel].index &&
                           info_text(found->peer) == model.partitions[peer].name.value;
        if (!right) {
            told.say(fmt::format("is told of channel `{}` otherwise than it is", channel.name.value),
                     "channel-" + channel.name.value, "guest-physical " + address(found->gpa));
        }
    }
}

constexpr std::uint32_t kMapRam = 1; // in E820, PVH and Multiboot alike

Pieces declared_ram(const DeclaredPartition& partition) {
    Pieces ram;
    for (const Grant& grant : partition.grants) {
        if (grant.kind == manifest::RegionKind::ram) {
            ram.push_back({grant.gpa, grant.end(), 0});
        }
    }
    return ram;
}

// The RAM that it is told of is the RAM that it has.
void check_map(const Told& told, const Pieces& usable) {
    const Pieces ram = declared_ram(told.declared());
    for (const Piece& piece : without(usable, ram)) {
        told.say(fmt::format("is told that {} is RAM, which it does not have", range(piece.first, piece.end)), "e820",
                 "guest-physical " + address(piece.first));
    }
    // From 1 MiB on, all of it: what is left out below is the firmware's place.
    for (const Piece& piece : without(without(ram, {{0, kMiB, 0}}), usable)) {
        told.say(fmt::format("is not told of its RAM at {}", range(piece.first, piece.end)), "e820-less",
                 "guest-physical " + address(piece.first));
    }
}

void check_cmdline(const Told& told, const std::string& found, bool terminated, const std::string& wanted) {
    if (found != wanted || !terminated) {
        told.say(fmt::format("is given the command line `{}`, expected `{}`", found, wanted), "cmdline");
    }
}

// PVH and Multiboot.
void check_boot_info(const Told& told) {
    if (!told.facts.boot_info) {
        told.say("has no boot information", "params");
        return;
    }
    const decode::BootInfo& info = *told.facts.boot_info;
    Pieces usable;
    for (const decode::BootMapEntry& entry : info.map) {
        if (entry.type == kMapRam) {
            usable.push_back({entry.base, entry.base + entry.size, 0});
        }
    }
    check_map(told, usable);
    check_cmdline(told, info.cmdline, info.cmdline_terminated, told.partition().boot.cmdline.value);
    const std::size_t modules = told.partition().boot.initrd ? 1 : 0;
    told.equal("its number of modules", info.modules.size(), modules);
    for (const decode::BootModule& module : info.modules) {
        const bool loaded =
            std::any_of(told.facts.payloads.begin(), told.facts.payloads.end(), [&](const PayloadFact& payload) {
                return payload.gpa == module.base && payload.size == module.size;
            });
        if (!loaded) {
            told.say(fmt::format("is told of a module at {}, where none is loaded",
                                 range(module.base, module.base + module.size)),
                     "module", "guest-physical " + address(module.base));
        }
    }
}

void check_linux(const Told& told) {
    if (!told.facts.linux_params) {
        told.say("has no boot parameters", "params");
        return;
    }
    const decode::LinuxParams& params = *told.facts.linux_params;
    Pieces usable;
    for (const decode::E820Entry& entry : params.e820) {
        if (entry.type == kMapRam) {
            usable.push_back({entry.base, entry.base + entry.size, 0});
        }
    }
    check_map(told, usable);
    // Linux hears in its first word what its MADT says as well: there is no I/O APIC.
    const std::string& declared = told.partition().boot.cmdline.value;
    check_cmdline(told, params.cmdline, params.cmdline_terminated, declared.empty() ? "noapic" : "noapic " + declared);
    if (params.setup_data != 0) {
        told.say("is given setup data that nothing declares", "setup_data");
    }
    if (!without({{params.ramdisk, params.ramdisk + params.ramdisk_size, 0}}, declared_ram(told.declared())).empty()) {
        told.say("is given an initial RAM disk outside its RAM", "ramdisk",
                 "guest-physical " + address(params.ramdisk));
    }
    for (const Defect& defect : params.defects.kept()) {
        told.say(fmt::format("has boot parameters with a defect: {}: {}", defect.what, decode::name(defect.kind)),
                 decode::name(defect.kind), "guest-physical " + address(defect.address));
    }
}

// A root bridge (PNP0A03) of the one bus, its configuration ports and the window of the partition's BARs; the container
// it stands in has none of these.
bool is_root_bridge(const decode::AcpiDevice& device) {
    const auto only = [](const auto& list, std::uint64_t first, std::uint64_t last) {
        return list.size() == 1 && list[0].first == first && list[0].last == last;
    };
    return device.hid == "PNP0A03" && device.interrupts.empty() && only(device.buses, 0, 0) &&
           only(device.ports, guest::kPciAddressPort, guest::kPciDataPort + 3) &&
           only(device.memory, guest::kPciBase, guest::kPciLimit - 1);
}

// The trigger registers of the interrupt controllers (Intel ICH9 data sheet §13.4.7), one bit for each of 16 lines:
// level is the one that the FADT names, and no other.
void check_triggers(const Told& told, std::uint16_t sci_interrupt) {
    std::uint32_t found = 0xFFFF; // absent
    for (const manifest::PortRule& rule : told.facts.port_rules) {
        for (unsigned byte = 0; byte < 2; ++byte) {
            if (rule.first <= 0x4D0 + byte && 0x4D0 + byte <= rule.last) {
                const std::uint32_t value = rule.answer == manifest::PortAnswer::constant ? rule.value : 0xFF;
                found = (found & ~(0xFFU << 8 * byte)) | value << 8 * byte;
            }
        }
    }
    const std::uint32_t expected = sci_interrupt < 16 ? 1U << sci_interrupt : 0;
    if (found != expected) {
        told.say(fmt::format(
                     "reads {:#06x} from the interrupt trigger registers, but is told of ACPI's interrupt {}, expected "
                     "{:#06x}",
                     found, sci_interrupt, expected),
                 "triggers", "ports 0x4d0..0x4d1");
    }
}

void check_acpi(const Told& told) {
    if (!told.facts.acpi) {
        told.say("has no ACPI tables", "acpi");
        return;
    }
    const decode::Acpi& acpi = *told.facts.acpi;
    if (!acpi.has_fadt || !acpi.has_madt || !acpi.has_dsdt) {
        told.say("lacks one of FADT, MADT and DSDT", "acpi-tables");
        return;
    }
    const auto claim = [&](bool wrong, const char* what) {
        if (wrong) {
            told.say(what, what);
        }
    };
    claim(!acpi.hw_reduced(), "is told of a machine with full ACPI hardware, which it does not have");
    claim(acpi.legacy_blocks, "is told of ACPI power management blocks, which it does not have");
    claim(acpi.pcat_compat, "is told of legacy interrupt controllers, which it does not have");
    claim(acpi.ioapics != 0, "is told of an I/O APIC, which it does not have");
    claim(acpi.overrides != 0, "is told of interrupt overrides, which it does not have");
    claim(!acpi.physical_destination(), "is not told that interrupts take physical destinations only");
    check_triggers(told, acpi.sci_interrupt);
    claim(!acpi.aml_complete, "is given ACPI code that can't be read to its end");
    const auto port = [&](const decode::GenericAddress& found, std::uint16_t expected, const char* what) {
        if (found.space != 1 || found.address != expected) {
            told.say(fmt::format("is told that its {} is at {}, expected port {:#x}", what, address(found.address),
                                 expected),
                     what);
        }
    };
    port(acpi.sleep_control, guest::kSleepPort, "sleep register");
    port(acpi.sleep_status, guest::kSleepStatusPort, "sleep status register");
    if (acpi.reset_register.address != 0) {
        port(acpi.reset_register, guest::kResetPort, "reset register");
    }
    std::vector<std::uint32_t> listed;
    for (const decode::AcpiCpu& cpu : acpi.cpus) {
        listed.push_back(cpu.apic_id);
        if (!cpu.enabled) {
            told.say(fmt::format("is told that CPU {} is not enabled", cpu.apic_id), "madt-enabled");
        }
    }
    std::vector<std::uint32_t> owned;
    for (const manifest::Cpu& cpu : told.facts.cpus) {
        owned.push_back(cpu.apic_id);
    }
    std::sort(listed.begin(), listed.end());
    std::sort(owned.begin(), owned.end());
    if (listed != owned) {
        told.say(fmt::format("is told of {} CPUs by ACPI that are not exactly its {}", listed.size(), owned.size()),
                 "madt");
    }
    std::size_t consoles = 0;
    std::size_t roots = 0;
    for (const decode::AcpiDevice& device : acpi.devices) {
        const bool container = device.hid.empty() && device.ports.empty() && device.memory.empty();
        const bool console = device.hid == "PNP0501" && device.memory.empty() && device.interrupts.empty() &&
                             device.ports.size() == 1 && device.ports[0].first == guest::kUartPort &&
                             device.ports[0].last == guest::kUartPort + 7;
        consoles += console ? 1 : 0;
        const bool root = is_root_bridge(device);
        roots += root ? 1 : 0;
        if (!container && !console && !root) {
            told.say(fmt::format("is told of device `{}` ({}), which it does not have", device.path, device.hid),
                     device.path);
        }
    }
    if (consoles != (told.partition().console ? 1U : 0U)) {
        told.say(told.partition().console ? "is not told of its console"
                                          : "is told of a console, which it does not have",
                 "console");
    }
    if (roots != (told.partition().devices.empty() ? 0U : 1U)) { // an empty bus has no window to tell of
        told.say(told.partition().devices.empty() ? "is told of a PCI bus with devices, which it does not have"
                                                  : "is not told of its PCI bus with the window of its devices",
                 "pci");
    }
    for (const Defect& defect : acpi.defects.kept()) {
        told.say(fmt::format("has ACPI tables with a defect: {}: {}", defect.what, decode::name(defect.kind)),
                 decode::name(defect.kind), "guest-physical " + address(defect.address));
    }
}

// The same for the solver, of one partition: words of what it is told, memory as sets, devices as texts.
class ToldBySolver {
public:
    ToldBySolver(const Context& context, std::uint32_t index)
        : context_(context), index_(index), facts_(*context.places->partitions[index].facts) {
        info();
        const EntryRegisters entry = entry_registers(partition().boot.kind, facts_.record);
        words_.is(facts_.record.entry_rdi, entry.rdi);
        words_.is(facts_.record.entry_rsi, entry.rsi);
        words_.is(facts_.record.entry_rbx, entry.rbx);
        if (partition().boot.kind == config::BootKind::elf64) {
            return;
        }
        partition().boot.kind == config::BootKind::linux ? linux() : boot_info();
        if (!facts_.acpi || !facts_.acpi->has_fadt || !facts_.acpi->has_madt || !facts_.acpi->has_dsdt) {
            words_.lacking();
            return;
        }
        acpi(*facts_.acpi);
        devices(*facts_.acpi);
    }

    [[nodiscard]] smt::Answer ask(unsigned timeout) const {
        const std::string of = fmt::format("acpi.consistent: `{}`, ", partition().name.value);
        std::vector<smt::Answer> answers{words_.allowed(of + "words", timeout)};
        if (told_of_memory_) {
            const Pieces ram = declared_ram(context_.declared.partitions[index_]);
            Pieces known = usable_; // with the firmware's place, which need not be told
            known.push_back({0, kMiB, 0});
            answers.push_back(smt::within(of + "RAM it is told of", memory_, ram, timeout));
            answers.push_back(smt::within(of + "RAM it has", ram, known, timeout));
        }
        if (!allowed_.empty()) {
            answers.push_back(smt::texts_allowed(of + "devices", devices_, required_, allowed_, timeout));
        }
        return smt::together(std::move(answers));
    }

private:
    [[nodiscard]] const config::Partition& partition() const { return context_.model.partitions[index_]; }

    void info() {
        if (!facts_.info) {
            words_.lacking();
            return;
        }
        const guest::Info& info = facts_.info->info;
        words_.text(info_text(info.name), partition().name.value);
        words_.is(info.ram_size, partition().memory.value);
        words_.is(info.cpu_count, facts_.cpus.size());
        for (std::size_t i = 0; i < std::min<std::size_t>(facts_.cpus.size(), guest::kMaxInfoCpus); ++i) {
            words_.is(info.apic_ids[i], facts_.cpus[i].apic_id);
        }
        std::map<std::string, const guest::InfoChannel*> told;
        for (std::size_t i = 0; i < std::min<std::size_t>(info.channel_count, guest::kMaxInfoChannels); ++i) {
            told[info_text(info.channels[i].name)] = &info.channels[i];
        }
        std::size_t count = 0;
        for (const Grant& grant : context_.declared.partitions[index_].grants) {
            if (grant.kind != manifest::RegionKind::channel_send &&
                grant.kind != manifest::RegionKind::channel_receive) {
                continue;
            }
            ++count;
            const config::Channel& channel = context_.model.channels[grant.channel];
            const auto found = told.find(channel.name.value);
            if (found == told.end()) {
                words_.lacking();
                continue;
            }
            const bool receives = grant.kind == manifest::RegionKind::channel_receive;
            const guest::InfoChannel& entry = *found->second;
            words_.is(entry.gpa, grant.gpa);
            words_.is(entry.size, grant.size);
            words_.is(entry.direction, receives ? 2 : 1);
            words_.is(entry.doorbell == 0 ? 0 : 1, channel.doorbell ? 1 : 0);
            words_.is(entry.vector, receives ? context_.declared.channels[grant.channel].vector : 0);
            words_.is(entry.index, context_.places->channels[grant.channel].index);
            words_.text(info_text(entry.peer),
                        context_.model.partitions[(receives ? channel.from : channel.to).value].name.value);
        }
        words_.is(info.channel_count, count);
    }

    void usable(std::uint64_t base, std::uint64_t size, std::uint32_t type) {
        if (type == kMapRam) {
            usable_.push_back({base, base + size, 0});
        }
    }

    void boot_info() {
        if (!facts_.boot_info) {
            words_.lacking();
            return;
        }
        const decode::BootInfo& info = *facts_.boot_info;
        for (const decode::BootMapEntry& entry : info.map) {
            usable(entry.base, entry.size, entry.type);
        }
        memory_ = usable_;
        told_of_memory_ = true;
        words_.is(info.cmdline_terminated ? 1 : 0, 1);
        words_.text(info.cmdline, partition().boot.cmdline.value);
        words_.is(info.modules.size(), partition().boot.initrd ? 1 : 0);
        std::set<std::pair<std::uint64_t, std::uint64_t>> loaded;
        for (const PayloadFact& payload : facts_.payloads) {
            loaded.emplace(payload.gpa, payload.size);
        }
        for (const decode::BootModule& module : info.modules) {
            words_.is(loaded.count({module.base, module.size}), 1);
        }
    }

    void linux() {
        if (!facts_.linux_params) {
            words_.lacking();
            return;
        }
        const decode::LinuxParams& params = *facts_.linux_params;
        for (const decode::E820Entry& entry : params.e820) {
            usable(entry.base, entry.size, entry.type);
        }
        memory_ = usable_;
        memory_.push_back({params.ramdisk, params.ramdisk + params.ramdisk_size, 0});
        told_of_memory_ = true;
        const std::string& declared = partition().boot.cmdline.value;
        words_.is(params.cmdline_terminated ? 1 : 0, 1);
        words_.text(params.cmdline, "noapic" + (declared.empty() ? "" : " " + declared));
        words_.is(params.setup_data, 0);
        words_.is(params.defects.total(), 0);
    }

    void acpi(const decode::Acpi& acpi) {
        words_.is(acpi.fadt_flags, 3U << 19, 3U << 19);
        words_.is(acpi.aml_complete ? 1 : 0, 1);
        words_.is(acpi.legacy_blocks || acpi.pcat_compat ? 1 : 0, 0);
        words_.is(acpi.ioapics, 0);
        words_.is(acpi.overrides, 0);
        words_.is(acpi.defects.total(), 0);
        for (unsigned byte = 0; byte < 2; ++byte) {
            std::uint64_t found = 0xFF;
            for (const manifest::PortRule& rule : facts_.port_rules) {
                if (rule.first <= 0x4D0 + byte && rule.last >= 0x4D0 + byte) {
                    found = rule.answer == manifest::PortAnswer::constant ? rule.value : 0xFF;
                }
            }
            const unsigned line = acpi.sci_interrupt - 8 * byte;
            words_.is(found, line < 8 ? 1U << line : 0);
        }
        const auto port = [&](const decode::GenericAddress& found, std::uint16_t expected) {
            words_.is(found.space, 1);
            words_.is(found.address, expected);
        };
        port(acpi.sleep_control, guest::kSleepPort);
        port(acpi.sleep_status, guest::kSleepStatusPort);
        if (acpi.reset_register.address != 0) {
            port(acpi.reset_register, guest::kResetPort);
        }
        std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> cpus; // how often told of, and owned
        for (const decode::AcpiCpu& cpu : acpi.cpus) {
            words_.is(cpu.enabled ? 1 : 0, 1);
            ++cpus[cpu.apic_id].first;
        }
        for (const manifest::Cpu& cpu : facts_.cpus) {
            ++cpus[cpu.apic_id].second;
        }
        for (const auto& [id, often] : cpus) {
            words_.is(often.first, often.second);
        }
    }

    // A device without an id, ports and memory is one that others stand in. What a console says of buses is not heard.
    static std::string described(const decode::AcpiDevice& device) {
        std::string out = device.hid;
        for (const decode::AcpiPorts& ports : device.ports) {
            out += fmt::format(" ports {:x}-{:x}", ports.first, ports.last);
        }
        for (const decode::AcpiMemory& memory : device.memory) {
            out += fmt::format(" memory {:x}-{:x}", memory.first, memory.last);
        }
        if (out.empty()) {
            return out;
        }
        for (const std::uint32_t interrupt : device.interrupts) {
            out += fmt::format(" interrupt {:x}", interrupt);
        }
        for (const decode::AcpiBuses& buses : device.buses) {
            out += device.hid == "PNP0501" ? "" : fmt::format(" buses {:x}-{:x}", buses.first, buses.last);
        }
        return out;
    }

    void devices(const decode::Acpi& acpi) {
        const std::string console = fmt::format("PNP0501 ports {:x}-{:x}", guest::kUartPort, guest::kUartPort + 7);
        const std::string root =
            fmt::format("PNP0A03 ports {:x}-{:x} memory {:x}-{:x} buses 0-0", guest::kPciAddressPort,
                        guest::kPciDataPort + 3, guest::kPciBase, guest::kPciLimit - 1);
        for (const decode::AcpiDevice& device : acpi.devices) {
            devices_.push_back(described(device));
        }
        const auto number = [&](const std::string& text) {
            return static_cast<std::uint64_t>(std::count(devices_.begin(), devices_.end(), text));
        };
        allowed_ = {""};
        for (const auto& [text, declared] :
             {std::pair{console, partition().console}, std::pair{root, !partition().devices.empty()}}) {
            words_.is(number(text), declared ? 1 : 0);
            if (declared) {
                required_.push_back(text);
                allowed_.push_back(text);
            }
        }
    }

    const Context& context_;
    std::uint32_t index_;
    const PartitionFacts& facts_;
    Words words_;
    bool told_of_memory_ = false;
    Pieces usable_;
    Pieces memory_; // usable, and the initial RAM disk
    std::vector<std::string> devices_;
    std::vector<std::string> required_;
    std::vector<std::string> allowed_;
};

void check_told(const Context& context, Judge& judge) {
    std::vector<std::uint32_t> there;
    for (std::uint32_t i = 0; i < context.model.partitions.size(); ++i) {
        const PartitionFacts* facts = context.places->partitions[i].facts;
        if (facts == nullptr) {
            continue;
        }
        there.push_back(i);
        const Told told{context, judge, i, *facts};
        check_info(told);
        check_entry(told);
        switch (context.model.partitions[i].boot.kind) {
        case config::BootKind::elf64:
            continue;
        case config::BootKind::linux:
            check_linux(told);
            break;
        case config::BootKind::pvh:
        case config::BootKind::multiboot:
            check_boot_info(told);
            break;
        }
        check_acpi(told);
    }
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) {
        std::vector<smt::Answer> answers;
        for (const std::uint32_t i : there) {
            answers.push_back(ToldBySolver(context, i).ask(timeout));
        }
        return smt::together(std::move(answers));
    });
}

} // namespace

const Property kAcpiConsistent{
    .id = "acpi.consistent",
    .title = "a guest is told what it has",
    .statement =
        "The information page, and for all but native guests the memory map, command line, modules and ACPI tables, "
        "that lie in a partition's initial memory name its own CPUs, RAM, channels, console, ports and, where it owns "
        "devices, its PCI bus, and nothing that it does not have. A Linux is told in its command line, too, that "
        "there is no I/O APIC, and interrupt trigger registers and FADT name the same interrupt. The registers that "
        "the boot CPU starts with lead to these, or are zero.",
    .level = Level::bytes,
    .rests_on = "the initial memory in the image, as decoded",
    .manual = "ACPI 6.5 §5.2, §20; Linux x86 boot protocol 2.15; Xen hvm/start_info.h; Multiboot 0.6.96 §3.3; "
              "septum/guest/info.hpp",
    .mend = "build the image anew; if it stays, the guest's tables were not made from this model",
    .bytes = check_told,
};

} // namespace septum::verifier
