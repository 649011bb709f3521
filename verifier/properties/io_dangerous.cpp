// SPDX-License-Identifier: Apache-2.0
// io.dangerous: no partition owns a dangerous port.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/port_grants.hpp"
#include "verifier/properties/shared/port_list.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void dangerous_model(const Context& context, Judge& judge) {
    std::vector<DangerousPorts> all = dangerous_ports();
    const std::uint16_t console = context.model.board.console_port;
    all.push_back({console, static_cast<std::uint16_t>(console + 7), "the kernel's own console"});
    for (const config::Partition& partition : context.model.partitions) {
        for (const GrantedPorts& ports : granted_ports(partition)) {
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

} // namespace

const Property kIoDangerous{
    .id = "io.dangerous",
    .title = "no partition owns a dangerous port",
    .statement =
        "No partition reaches, without an exit, a port that resets the machine, raises an SMI, configures PCI, "
        "programs DMA, interrupts or power, or is the kernel's own console.",
    .level = Level::bytes,
    .rests_on = "the list of dangerous ports in verifier/properties/shared/port_list.cpp",
    .manual = "AMD APM volume 2 §15.10.1; Intel ICH9 datasheet §9.2",
    .mend = "take these ports out of `ports`: no partition can be trusted with them",
    .model = dangerous_model,
    .bytes = dangerous_bytes,
};

} // namespace septum::verifier
