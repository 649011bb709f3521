// SPDX-License-Identifier: Apache-2.0
// I/O ports: what is granted, and what the kernel answers for the rest.
#include "verifier/properties/assigned.hpp"
#include "verifier/properties/judge.hpp"
#include "verifier/properties/port_list.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// One key for all partitions: the partition's number above the 17 bits of the permission map.
constexpr unsigned kPortBits = 17;
constexpr std::uint64_t kPorts = 0x1'0000;

struct GrantedPorts {
    std::uint16_t first;
    std::uint16_t last;
    config::Span span;
};

std::vector<GrantedPorts> granted(const config::Partition& partition) {
    std::vector<GrantedPorts> out;
    const std::size_t count = std::min(partition.ports_first.size(), partition.ports_last.size());
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back({partition.ports_first[i].value, partition.ports_last[i].value, partition.ports_first[i].span});
    }
    return out;
}

struct VirtualPorts {
    std::uint16_t first;
    std::uint16_t last;
    manifest::PortAnswer answer;
    const char* what;
};

std::vector<VirtualPorts> virtual_ports(const config::Partition& partition) {
    using enum manifest::PortAnswer;
    std::vector<VirtualPorts> out{
        {guest::kSleepPort, guest::kSleepPort, sleep, "the sleep register"},
        {guest::kSleepStatusPort, guest::kSleepStatusPort, constant, "the sleep status register"},
        {guest::kResetPort, guest::kResetPort, reset, "the reset register"},
        {guest::kDoorbellPort, guest::kDoorbellPort, doorbell, "the doorbell"},
    };
    if (partition.console) {
        out.push_back({guest::kUartPort, guest::kUartPort + 7, uart, "the console"});
    }
    if (partition.pit) {
        out.push_back({0x40, 0x43, pit, "the timer"}); // Intel 82C54
        out.push_back({0x61, 0x61, pit_gate, "the timer's gate"});
    }
    if (is_pc(partition)) {
        out.push_back({0x4D0, 0x4D1, constant, "the interrupt trigger registers"});
    }
    if (sees_bus(partition)) {
        // 0xCF9, in their midst, resets the machine when it is written as a byte: it stays forbidden.
        out.push_back({guest::kPciAddressPort, guest::kPciAddressPort, pci_address, "the configuration address"});
        out.push_back(
            {guest::kPciAddressPort + 2, guest::kPciAddressPort + 3, pci_address, "the configuration address"});
        out.push_back({guest::kPciDataPort, guest::kPciDataPort + 3, pci_data, "the configuration data"});
    }
    return out;
}

void owned_model(const Context& context, Judge& judge) {
    struct Owner {
        const config::Partition* partition;
        GrantedPorts ports;
    };
    std::vector<Owner> owners;
    Pieces pieces;
    for (const config::Partition& partition : context.model.partitions) {
        for (const GrantedPorts& ports : granted(partition)) {
            judge.rests_on(ports.span);
            if (ports.first > ports.last) {
                judge.violated({.message = fmt::format("`{}` owns ports {:#x}..{:#x}, which end before they begin",
                                                       partition.name.value, ports.first, ports.last),
                                .partitions = {partition.name.value},
                                .key = "order",
                                .primary = ports.span});
                continue;
            }
            pieces.push_back({ports.first, static_cast<std::uint64_t>(ports.last) + 1, owners.size()});
            owners.push_back({&partition, ports});
            for (const VirtualPorts& board : virtual_ports(partition)) {
                if (ports.first <= board.last && board.first <= ports.last) {
                    judge.violated(
                        {.message = fmt::format("`{}` owns ports {}, where its virtual board has {}",
                                                partition.name.value, ports_text(ports.first, ports.last), board.what),
                         .partitions = {partition.name.value},
                         .key = "virtual",
                         .witness = fmt::format("port {:#x}", std::max(ports.first, board.first)),
                         .primary = ports.span,
                         .help = board.answer == manifest::PortAnswer::uart
                                     ? "leave these ports out, or give the partition no console"
                                     : "leave these ports out"});
                    break;
                }
            }
        }
    }
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        const Owner& a = owners[overlap.later];
        const Owner& b = owners[overlap.earlier];
        const std::string ports =
            port_words(static_cast<std::uint32_t>(overlap.first), static_cast<std::uint32_t>(overlap.end - 1));
        judge.violated({.message = a.partition == b.partition
                                       ? fmt::format("`{}` lists {} twice", a.partition->name.value, ports)
                                       : fmt::format("`{}` and `{}` both own {}", a.partition->name.value,
                                                     b.partition->name.value, ports),
                        .partitions = {a.partition->name.value, b.partition->name.value},
                        .witness = fmt::format("port {:#x}", overlap.first),
                        .primary = a.ports.span,
                        .related = {{b.ports.span, fmt::format("`{}` owns {} here", b.partition->name.value,
                                                               ports_text(b.ports.first, b.ports.last))}}});
    }
    if (!pieces.empty()) {
        judge.solver_agrees(found.empty(), [&](unsigned timeout) {
            return smt::never_twice("io.owned: declared ports", pieces, timeout);
        });
    }
}

void owned_bytes(const Context& context, Judge& judge) {
    Pieces pieces;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        for (const decode::PortInterval& ports : context.facts->partitions[p].iopm.granted) {
            pieces.push_back({ports.first, static_cast<std::uint64_t>(ports.last) + 1, p});
        }
    }
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        const std::string& a = context.facts->partitions[overlap.earlier].name;
        const std::string& b = context.facts->partitions[overlap.later].name;
        judge.violated({.message = fmt::format("in the image `{}` and `{}` both reach ports {}", a, b,
                                               ports_text(static_cast<std::uint32_t>(overlap.first),
                                                          static_cast<std::uint32_t>(overlap.end - 1))),
                        .partitions = {a, b},
                        .witness = fmt::format("port {:#x}", overlap.first)});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_twice("io.owned: permission maps", pieces, timeout);
    });
}

void exact_bytes(const Context& context, Judge& judge) {
    Pieces actual;
    Pieces expected;
    const auto add = [&](const PartitionFacts& facts, std::uint64_t index) {
        for (const decode::PortInterval& ports : facts.iopm.granted) {
            const std::uint64_t base = index << kPortBits;
            actual.push_back({base + ports.first, base + ports.last + 1, 1});
        }
        for (std::uint64_t bit = 0; bit < 3; ++bit) {
            if (facts.iopm.straddle_granted[bit]) { // an access that begins at 0xFFFF or just below
                const std::uint64_t port = (index << kPortBits) + kPorts + bit;
                actual.push_back({port, port + 1, 1});
            }
        }
        if (!facts.iopm.readable) {
            judge.violated({.message = fmt::format("the I/O permission map of `{}` can't be read", facts.name),
                            .partitions = {facts.name},
                            .key = "unreadable",
                            .witness = "host-physical " + address(facts.record.iopm.value)});
        }
        for (const Defect& defect : facts.iopm.defects.kept()) {
            judge.violated(
                {.message = fmt::format("{}: {}, expected {}, found {}", defect.what, decode::name(defect.kind),
                                        address(defect.expected), address(defect.found)),
                 .partitions = {facts.name},
                 .key = decode::name(defect.kind),
                 .witness = "host-physical " + address(defect.address)});
        }
    };
    std::vector<std::string> names;
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        const config::Partition& partition = context.model.partitions[i];
        names.push_back(partition.name.value);
        if (context.places->partitions[i].facts == nullptr) {
            continue;
        }
        add(*context.places->partitions[i].facts, i);
        for (const GrantedPorts& ports : granted(partition)) {
            judge.rests_on(ports.span);
            const std::uint64_t base = static_cast<std::uint64_t>(i) << kPortBits;
            expected.push_back({base + ports.first, base + ports.last + 1, 1});
        }
    }
    for (const PartitionFacts* facts : context.places->undeclared) {
        add(*facts, names.size());
        names.push_back(facts->name);
    }
    expected = united(std::move(expected), 1);
    const std::vector<Difference> found = differences(joined(actual), expected);
    for (const Difference& difference : found) {
        const std::uint64_t index = difference.first >> kPortBits;
        const auto first = static_cast<std::uint32_t>(difference.first & (2 * kPorts - 1));
        const auto last = static_cast<std::uint32_t>((difference.end - 1) & (2 * kPorts - 1));
        const bool extra = difference.right == kAbsent;
        judge.violated({.message = fmt::format("`{}` {} port{} {}{}", names[index], extra ? "reaches" : "is granted",
                                               first == last ? "" : "s", ports_text(first, last),
                                               extra ? " without an exit, which nothing grants"
                                                     : ", which still exit in the image"),
                        .partitions = {names[index]},
                        .key = extra ? "extra" : "lacking",
                        .witness = fmt::format("port {:#x}", first),
                        .primary = index < context.model.partitions.size() ? context.model.partitions[index].name.span
                                                                           : config::Span{}});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("io.exact", sorted(actual), expected, false, timeout);
    });
}

void dangerous_model(const Context& context, Judge& judge) {
    std::vector<DangerousPorts> all = dangerous_ports();
    const std::uint16_t console = context.model.board.console_port;
    all.push_back({console, static_cast<std::uint16_t>(console + 7), "the kernel's own console"});
    for (const config::Partition& partition : context.model.partitions) {
        for (const GrantedPorts& ports : granted(partition)) {
            judge.rests_on(ports.span);
            Said said; // one for the range, however many dangers lie in it
            for (const DangerousPorts& dangerous : all) {
                const std::uint16_t from = std::max(dangerous.first, ports.first);
                const std::uint16_t to = std::min(dangerous.last, ports.last);
                if (from > to) {
                    continue;
                }
                if (said.message.empty()) {
                    said.message = fmt::format("`{}` owns port{} {}: {}", partition.name.value, from == to ? "" : "s",
                                               ports_text(from, to), dangerous.why);
                    said.witness = fmt::format("port {:#x}", from);
                } else {
                    said.notes.push_back(fmt::format("also {}: {}", ports_text(from, to), dangerous.why));
                }
            }
            if (!said.message.empty()) {
                said.partitions = {partition.name.value};
                said.key = ports_text(ports.first, ports.last);
                said.primary = ports.span;
                said.label = "no partition may own these";
                judge.violated(std::move(said));
            }
        }
    }
}

void dangerous_bytes(const Context& context, Judge& judge) {
    Pieces dangerous;
    for (std::size_t i = 0; i < dangerous_ports().size(); ++i) {
        const DangerousPorts& ports = dangerous_ports()[i];
        dangerous.push_back({ports.first, static_cast<std::uint64_t>(ports.last) + 1, i});
    }
    const std::size_t console = dangerous.size();
    const std::uint16_t port = context.model.board.console_port;
    dangerous.push_back({port, static_cast<std::uint64_t>(port) + 8, console});
    Pieces reach;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        for (const decode::PortInterval& ports : context.facts->partitions[p].iopm.granted) {
            reach.push_back({ports.first, static_cast<std::uint64_t>(ports.last) + 1, p});
        }
    }
    const std::vector<Overlap> found = common(dangerous, reach);
    for (const Overlap& overlap : found) {
        const std::string& name = context.facts->partitions[overlap.later].name;
        judge.violated(
            {.message = fmt::format(
                 "in the image `{}` reaches ports {}: {}", name,
                 ports_text(static_cast<std::uint32_t>(overlap.first), static_cast<std::uint32_t>(overlap.end - 1)),
                 overlap.earlier == console ? "the kernel's own console" : dangerous_ports()[overlap.earlier].why),
             .partitions = {name},
             .key = address(overlap.first),
             .witness = fmt::format("port {:#x}", overlap.first)});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_both("io.dangerous", dangerous, united(reach), timeout);
    });
}

// What the kernel answers for a port that exits. A constant is harmless whatever its value, so it equals absence.
enum class Answer : std::uint64_t {
    absent = 0,
    forbidden,
    uart,
    doorbell,
    sleep,
    reset,
    pci_address,
    pci_data,
    pit,
    pit_gate
};

const char* text(std::uint64_t answer) {
    switch (static_cast<Answer>(answer)) {
    case Answer::absent:
        return "absent or constant";
    case Answer::forbidden:
        return "forbidden";
    case Answer::uart:
        return "the console";
    case Answer::doorbell:
        return "the doorbell";
    case Answer::sleep:
        return "the sleep register";
    case Answer::reset:
        return "the reset register";
    case Answer::pci_address:
        return "the configuration address";
    case Answer::pci_data:
        return "the configuration data";
    case Answer::pit:
        return "the timer";
    case Answer::pit_gate:
        return "the timer's gate";
    }
    return "unknown";
}

std::uint64_t answer_of(manifest::PortAnswer answer) {
    using enum manifest::PortAnswer;
    switch (answer) {
    case constant:
        return static_cast<std::uint64_t>(Answer::absent);
    case forbidden:
        return static_cast<std::uint64_t>(Answer::forbidden);
    case uart:
        return static_cast<std::uint64_t>(Answer::uart);
    case doorbell:
        return static_cast<std::uint64_t>(Answer::doorbell);
    case sleep:
        return static_cast<std::uint64_t>(Answer::sleep);
    case reset:
        return static_cast<std::uint64_t>(Answer::reset);
    case pci_address:
        return static_cast<std::uint64_t>(Answer::pci_address);
    case pci_data:
        return static_cast<std::uint64_t>(Answer::pci_data);
    case pit:
        return static_cast<std::uint64_t>(Answer::pit);
    case pit_gate:
        return static_cast<std::uint64_t>(Answer::pit_gate);
    }
    return static_cast<std::uint64_t>(answer) + 0x100; // exit.complete names it
}

Pieces all_ports(const Pieces& answers) {
    Pieces out = answers;
    for (const Piece& gap : without({{0, kPorts, 0}}, answers)) {
        out.push_back({gap.first, gap.end, static_cast<std::uint64_t>(Answer::absent)});
    }
    return joined(std::move(out));
}

void answers_bytes(const Context& context, Judge& judge) {
    Pieces answered; // for the solver: the partition's number above the port
    Pieces declared;
    bool holds = true;
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        const PartitionFacts* facts = context.places->partitions[i].facts;
        if (facts == nullptr) {
            continue;
        }
        const config::Partition& partition = context.model.partitions[i];
        Pieces found;
        for (const manifest::PortRule& rule : facts->port_rules) {
            found.push_back({rule.first, static_cast<std::uint64_t>(rule.last) + 1, answer_of(rule.answer)});
        }
        found = sorted(std::move(found));
        if (!is_disjoint(found)) {
            continue; // exit.complete names it
        }
        Pieces expected;
        for (const VirtualPorts& ports : virtual_ports(partition)) {
            expected.push_back({ports.first, static_cast<std::uint64_t>(ports.last) + 1, answer_of(ports.answer)});
        }
        for (const DangerousPorts& ports : dangerous_ports()) {
            if (ports.fault) {
                expected.push_back({ports.first, static_cast<std::uint64_t>(ports.last) + 1,
                                    static_cast<std::uint64_t>(Answer::forbidden)});
            }
        }
        const Pieces left = all_ports(found);
        const Pieces right = all_ports(sorted(expected));
        for (const Piece& piece : left) {
            answered.push_back({i * kPorts + piece.first, i * kPorts + piece.end, piece.value});
        }
        for (const Piece& piece : right) {
            declared.push_back({i * kPorts + piece.first, i * kPorts + piece.end, piece.value});
        }
        for (const Difference& difference : differences(left, right)) {
            holds = false;
            judge.violated({.message = fmt::format("`{}` finds {} at ports {}, expected {}", partition.name.value,
                                                   text(difference.left),
                                                   ports_text(static_cast<std::uint32_t>(difference.first),
                                                              static_cast<std::uint32_t>(difference.end - 1)),
                                                   text(difference.right)),
                            .partitions = {partition.name.value},
                            .key = address(difference.first),
                            .witness = fmt::format("port {:#x}", difference.first),
                            .primary = partition.name.span});
        }
    }
    judge.solver_agrees(holds, [&](unsigned timeout) {
        return smt::equal_functions("io.answers", sorted(answered), sorted(declared), false, timeout);
    });
}

constexpr const char* kRebuild = "build the image anew; if it stays, the tables were not made from this model";

} // namespace

const Property kIoOwned{
    .id = "io.owned",
    .title = "each granted port has one owner",
    .statement =
        "No I/O port is reached by two partitions without an exit. On the model alone: no port is declared twice, "
        "and none lies where the partition's virtual board has a device.",
    .level = Level::bytes,
    .rests_on = "the I/O permission maps in the image, as decoded",
    .manual = "AMD APM volume 2 §15.10.1",
    .mend = "let one partition own the port and others ask it by a channel",
    .model = owned_model,
    .bytes = owned_bytes,
};

const Property kIoExact{
    .id = "io.exact",
    .title = "granted ports equal the declared ones",
    .statement = "For every partition and each of the 65,536 ports: an access does not exit exactly when the port is "
                 "declared. Accesses of two and four bytes test the bit of every byte they touch, those past 0xffff "
                 "included.",
    .level = Level::bytes,
    .rests_on = "the I/O permission maps in the image, as decoded; the IOIO_PROT intercept, shown by exit.intercepts",
    .manual = "AMD APM volume 2 §15.10.1",
    .mend = kRebuild,
    .bytes = exact_bytes,
};

const Property kIoDangerous{
    .id = "io.dangerous",
    .title = "no partition owns a dangerous port",
    .statement =
        "No partition reaches, without an exit, a port that resets the machine, raises an SMI, configures PCI, "
        "programs DMA, interrupts or power, or is the kernel's own console.",
    .level = Level::bytes,
    .rests_on = "the list of dangerous ports in verifier/properties/port_list.cpp",
    .manual = "AMD APM volume 2 §15.10.1; Intel ICH9 datasheet §9.2",
    .mend = "take these ports out of `ports`: no partition can be trusted with them",
    .model = dangerous_model,
    .bytes = dangerous_bytes,
};

const Property kIoAnswers{
    .id = "io.answers",
    .title = "ports that exit are answered as declared",
    .statement =
        "For each of the 65,536 ports, the manifest's rules give a partition the console exactly when it has one, "
        "the sleep, reset and doorbell registers at their places, PCI configuration exactly when it boots as a PC or "
        "owns a "
        "device, the timer when it is given one, a fault at the ports that no guest may touch, and nothing else but "
        "constants and absence.",
    .level = Level::bytes,
    .rests_on = "the kernel's handler, which reads these rules; it is tested, not proved",
    .manual = "septum/manifest/manifest.hpp: PortRule; ACPI 6.5 §4.8.3.7",
    .mend = kRebuild,
    .bytes = answers_bytes,
};

} // namespace septum::verifier
