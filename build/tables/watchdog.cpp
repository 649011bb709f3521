// SPDX-License-Identifier: Apache-2.0
#include "build/tables/watchdog.hpp"

#include <algorithm>

namespace septum::build {
namespace {

constexpr std::uint32_t kLooks = 4;              // in the shortest promise
constexpr std::uint32_t kShortestPeriod = 1'000; // microseconds
constexpr std::uint32_t kLongestPeriod = 1'000'000;

} // namespace

manifest::Watchdog watchdog_record(const Plan& plan, const config::Model& model) {
    manifest::Watchdog record{};
    if (!plan.watched || !model.board.watchdog) {
        return record;
    }
    std::uint32_t shortest_ms = ~0U;
    for (const auto& partition : model.partitions) {
        if (partition.heartbeat_ms) {
            shortest_ms = std::min(shortest_ms, partition.heartbeat_ms->value);
        }
    }
    record.kind = manifest::WatchdogKind::hpet;
    record.comparator = model.board.watchdog->comparator;
    record.requester = model.board.watchdog->requester.value_or(manifest::kNobody);
    record.apic_id = plan.watchdog_apic_id;
    record.registers = Hpa{model.board.watchdog->hpet.value};
    record.period_us = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(std::uint64_t{shortest_ms} * 1000 / kLooks, kShortestPeriod, kLongestPeriod));
    record.handle = plan.watchdog_handle;
    return record;
}

} // namespace septum::build
