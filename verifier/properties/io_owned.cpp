// SPDX-License-Identifier: Apache-2.0
// io.owned: each granted port has one owner.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/port_grants.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void owned_model(const Context& context, Judge& judge) {
    struct Owner {
        const config::Partition* partition;
        GrantedPorts ports;
    };
    std::vector<Owner> owners;
    Pieces pieces;
    for (const config::Partition& partition : context.model.partitions) {
        for (const GrantedPorts& ports : granted_ports(partition)) {
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

} // namespace

const Property kIoOwned{
    .id = "io.owned",
    .title = "each granted port has one owner",
    .statement =
        "No I/O port is reached by two partitions without an exit. On the model alone: no port is declared twice, and "
        "none lies where the partition's virtual board has a device.",
    .level = Level::bytes,
    .rests_on = "the I/O permission maps in the image, as decoded",
    .manual = "AMD APM volume 2 §15.10.1",
    .mend = "let one partition own the port and others ask it by a channel",
    .model = owned_model,
    .bytes = owned_bytes,
};

} // namespace septum::verifier
