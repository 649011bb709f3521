// SPDX-License-Identifier: Apache-2.0
// What a partition is told about itself equals what it has; and how it is run is as declared.
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/info.hpp>

#include <algorithm>
#include <array>
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

Pieces declared_ram(const Told& told) {
    Pieces ram;
    for (const Grant& grant : told.context.declared.partitions[told.index].grants) {
        if (grant.kind == manifest::RegionKind::ram) {
            ram.push_back({grant.gpa, grant.end(), 0});
        }
    }
    return ram;
}

// The RAM that it is told of is the RAM that it has.
void check_map(const Told& told, const Pieces& usable) {
    const Pieces ram = declared_ram(told);
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
    if (!without({{params.ramdisk, params.ramdisk + params.ramdisk_size, 0}}, declared_ram(told)).empty()) {
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

void check_told(const Context& context, Judge& judge) {
    for (std::uint32_t i = 0; i < context.model.partitions.size(); ++i) {
        const PartitionFacts* facts = context.places->partitions[i].facts;
        if (facts == nullptr) {
            continue;
        }
        const Told told{context, judge, i, *facts};
        check_info(told);
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
}

manifest::BootKind declared_boot(config::BootKind kind) {
    switch (kind) {
    case config::BootKind::linux:
        return manifest::BootKind::linux;
    case config::BootKind::pvh:
        return manifest::BootKind::pvh;
    case config::BootKind::multiboot:
        return manifest::BootKind::multiboot;
    case config::BootKind::elf64:
        break;
    }
    return manifest::BootKind::elf64;
}

manifest::OnFault declared_fault(config::FaultAction action) {
    switch (action) {
    case config::FaultAction::restart:
        return manifest::OnFault::restart;
    case config::FaultAction::halt_system:
        return manifest::OnFault::halt_system;
    case config::FaultAction::stop:
        break;
    }
    return manifest::OnFault::stop;
}

const char* fault_text(manifest::OnFault action) {
    switch (action) {
    case manifest::OnFault::stop:
        return "stop";
    case manifest::OnFault::restart:
        return "restart";
    case manifest::OnFault::halt_system:
        return "halt-system";
    }
    return "unknown";
}

const char* cause_text(std::size_t cause) {
    static constexpr std::array<const char*, manifest::kCauses> kTexts{"a triple fault",         "a forbidden act",
                                                                       "an exit without answer", "a missing heartbeat",
                                                                       "its own shutdown",       "its own reset"};
    return kTexts[cause];
}

// The timer that looks for heartbeats: there exactly when one is promised, the board's own, and often enough.
void check_watchdog(const Context& context, Judge& judge) {
    const manifest::Watchdog& found = context.facts->manifest.header.watchdog;
    std::uint64_t shortest = 0; // ms
    config::Span span;
    for (const config::Partition& partition : context.model.partitions) {
        if (partition.heartbeat_ms && (shortest == 0 || partition.heartbeat_ms->value < shortest)) {
            shortest = partition.heartbeat_ms->value;
            span = partition.heartbeat_ms->span;
        }
    }
    const auto say = [&](std::string message, const char* key) {
        judge.violated(
            {.message = std::move(message), .key = key, .primary = span.known() ? span : context.model.name.span});
    };
    if (found.kind == manifest::WatchdogKind::none || shortest == 0) {
        if ((found.kind == manifest::WatchdogKind::none) != (shortest == 0)) {
            say(shortest == 0 ? "the image has a watchdog, and no partition promises a heartbeat"
                              : "a heartbeat is promised, and the image has no watchdog",
                "watchdog");
        }
        return;
    }
    const std::optional<config::BoardWatchdog>& board = context.model.board.watchdog;
    if (!board || found.registers.value != board->hpet.value || found.comparator != board->comparator ||
        found.requester != board->requester.value_or(manifest::kNobody) ||
        (found.handle == ~0U) == board->requester.has_value()) {
        say("the image's watchdog is not the board's", "watchdog-board");
    }
    // Two looks at least in the shortest promise, but once a second is enough for any.
    if (found.period_us == 0 ||
        found.period_us > std::max<std::uint64_t>(1'000, std::min<std::uint64_t>(shortest * 500, 1'000'000))) {
        say(fmt::format("the watchdog looks every {} us, too seldom for a heartbeat every {} ms", found.period_us,
                        shortest),
            "watchdog-period");
    }
}

void check_conduct(const Context& context, Judge& judge) {
    check_watchdog(context, judge);
    for (std::uint32_t i = 0; i < context.model.partitions.size(); ++i) {
        const config::Partition& partition = context.model.partitions[i];
        const PartitionFacts* facts = context.places->partitions[i].facts;
        if (facts == nullptr) {
            continue;
        }
        judge.rests_on(partition.on_fault.span);
        const auto say = [&](std::string message, const char* key, const config::Span& span) {
            judge.violated({.message = std::move(message),
                            .partitions = {partition.name.value},
                            .key = key,
                            .primary = span.known() ? span : partition.name.span});
        };
        const std::string& name = partition.name.value;
        for (std::size_t cause = 0; cause < manifest::kCauses; ++cause) {
            const manifest::OnFault expected = declared_fault(partition.on_fault.by_cause[cause]);
            if (facts->record.on[cause] != expected) {
                say(fmt::format("`{}` meets {} with {} in the image, expected {}", name, cause_text(cause),
                                fault_text(facts->record.on[cause]), fault_text(expected)),
                    "on_fault", partition.on_fault.span);
            }
        }
        const std::uint32_t limit = context.declared.partitions[i].restart_limit;
        if (facts->record.restart_limit != limit) {
            say(fmt::format("`{}` restarts {} times in the image, expected {}", name, facts->record.restart_limit,
                            limit),
                "restart_limit", partition.on_fault.span);
        }
        const std::uint32_t pause = limit != 0 ? partition.on_fault.backoff_ms : 0;
        if (facts->record.backoff_ms != pause) {
            say(fmt::format("`{}` waits {} ms before its first restart in the image, expected {}", name,
                            facts->record.backoff_ms, pause),
                "backoff", partition.on_fault.span);
        }
        const std::uint32_t heartbeat = partition.heartbeat_ms ? partition.heartbeat_ms->value : 0;
        if (facts->record.heartbeat_ms != heartbeat) {
            say(fmt::format("`{}` promises a heartbeat every {} ms in the image, expected {}", name,
                            facts->record.heartbeat_ms, heartbeat),
                "heartbeat", partition.heartbeat_ms ? partition.heartbeat_ms->span : partition.name.span);
        }
        if ((facts->record.event_log != 0) != partition.event_log || facts->record.event_log > 1) {
            say(fmt::format("`{}` {} the event log in the image", name, partition.event_log ? "lacks" : "has"),
                "event-log", partition.event_log_span);
        }
        if ((facts->record.console != 0) != partition.console || facts->record.console > 1) {
            say(fmt::format("`{}` {} a console in the image", name, partition.console ? "lacks" : "has"), "console",
                partition.name.span);
        }
        const manifest::BootKind boot = declared_boot(partition.boot.kind);
        if (facts->record.boot != boot) {
            say(fmt::format("`{}` boots as kind {} in the image, expected {}", name,
                            static_cast<unsigned>(facts->record.boot), static_cast<unsigned>(boot)),
                "boot", partition.boot.span);
        }
    }
}

} // namespace

const Property kAcpiConsistent{
    .id = "acpi.consistent",
    .title = "a guest is told what it has",
    .statement = "The information page, and for all but native guests the memory map, command line, modules and ACPI "
                 "tables, that "
                 "lie in a partition's initial memory name its own CPUs, RAM, channels, console, ports and, where it "
                 "owns devices, "
                 "its PCI bus, and nothing that it does not have. A Linux is told in its command line, too, that there "
                 "is no I/O APIC, and interrupt trigger registers "
                 "and FADT name the same interrupt.",
    .level = Level::bytes,
    .rests_on = "the initial memory in the image, as decoded",
    .manual = "ACPI 6.5 §5.2, §20; Linux x86 boot protocol 2.15; Xen hvm/start_info.h; Multiboot 0.6.96 §3.3; "
              "septum/guest/info.hpp",
    .mend = "build the image anew; if it stays, the guest's tables were not made from this model",
    .bytes = check_told,
};

const Property kPartConduct{
    .id = "part.conduct",
    .title = "a partition is run as declared",
    .statement = "The answer to each cause, limit of restarts, pause before them, heartbeat, event log, console and "
                 "way of booting "
                 "in the manifest are the declared ones. The watchdog is the board's, is there exactly when a "
                 "heartbeat is promised, "
                 "and looks twice in the shortest promise at least, or once a second.",
    .level = Level::bytes,
    .rests_on = "the kernel's handler, which acts by this record; it is tested, not proved",
    .manual = "septum/manifest/manifest.hpp: Partition",
    .mend = "build the image anew; if it stays, the manifest was not made from this model",
    .bytes = check_conduct,
};

} // namespace septum::verifier
