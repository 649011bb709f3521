// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/interrupts.hpp"

#include <fmt/format.h>

namespace septum::verifier {

bool amd_vi(const Context& context) {
    return context.facts->devices.record.kind == manifest::IommuKind::amd_vi;
}

std::optional<std::uint32_t> watchdog_handle(const Context& context) {
    const manifest::Watchdog& watchdog = context.facts->manifest.header.watchdog;
    if (watchdog.kind == manifest::WatchdogKind::none || watchdog.handle == ~0U) {
        return std::nullopt;
    }
    return watchdog.handle;
}

void apic_writes_exit(const Context& context, Judge& judge, std::uint32_t first, std::uint32_t last,
                      const char* query) {
    Pieces registers{{first, static_cast<std::uint64_t>(last) + 1, 0}};
    Pieces writes;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        const PartitionFacts& facts = context.facts->partitions[p];
        for (const decode::MsrInterval& msrs : facts.msrpm.writes) {
            writes.push_back({msrs.first, static_cast<std::uint64_t>(msrs.last) + 1, p});
        }
    }
    const std::vector<Overlap> found = common(registers, writes);
    for (const Overlap& overlap : found) {
        const std::string& name = context.facts->partitions[overlap.later].name;
        judge.violated({.message = fmt::format("`{}` writes MSR {:#x} without an exit", name, overlap.first),
                        .partitions = {name},
                        .key = fmt::format("{:x}", overlap.first),
                        .witness = fmt::format("MSR {:#x}", overlap.first)});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_both(query, registers, united(writes), timeout); });
}

} // namespace septum::verifier
