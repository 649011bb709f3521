// SPDX-License-Identifier: Apache-2.0
// io.answers: ports that exit are answered as declared.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/port_grants.hpp"
#include "verifier/properties/shared/port_list.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

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

} // namespace

const Property kIoAnswers{
    .id = "io.answers",
    .title = "ports that exit are answered as declared",
    .statement =
        "For each of the 65,536 ports, the manifest's rules give a partition the console exactly when it has one, the "
        "sleep, reset and doorbell registers at their places, PCI configuration exactly when it boots as a PC or owns "
        "a device, the timer when it is given one, a fault at the ports that no guest may touch, and nothing else but "
        "constants and absence.",
    .level = Level::bytes,
    .rests_on = "the kernel's handler, which reads these rules; it is tested, not proved",
    .manual = "septum/manifest/manifest.hpp: PortRule; ACPI 6.5 §4.8.3.7",
    .mend = kNotFromThisModel,
    .bytes = answers_bytes,
};

} // namespace septum::verifier
