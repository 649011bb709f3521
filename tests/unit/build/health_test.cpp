// SPDX-License-Identifier: Apache-2.0
// Where the event log and the crash record lie, who sees the log, and the timer that looks for heartbeats.
#include "build/tables/iommu.hpp"
#include "build/tables/rules.hpp"
#include "build/tables/vtd.hpp"
#include "build/tables/watchdog.hpp"
#include "tests/unit/build/models.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/event_log.hpp>

namespace septum::build {
namespace {

using namespace test;

constexpr manifest::Range kKernel{Hpa{0x20'0000}, 0x1'0000};

Plan plan_of(const config::Model& model) {
    auto outcome = place(model, kKernel);
    EXPECT_TRUE(outcome.ok());
    return outcome.ok() ? std::move(*outcome.value) : Plan{};
}

config::Model watched() {
    config::Model model = make_pair();
    model.board.watchdog = config::BoardWatchdog{{0xFED0'0000, at(9)}, 2, std::nullopt};
    model.partitions[0].heartbeat_ms = {800, at(24)};
    model.partitions[1].heartbeat_ms = {400, at(25)};
    return model;
}

bool lists(const Plan& plan, const std::string& what, std::uint64_t base, std::uint64_t size) {
    const auto ranges = planned_ranges(plan);
    return std::any_of(ranges.begin(), ranges.end(), [&](const NamedRange& each) {
        return each.what == what && each.range.base.value == base && each.range.size == size;
    });
}

TEST(EventLog, IsSeenByItsReadersAlone) {
    config::Model model = make_pair();
    EXPECT_EQ(plan_of(model).event_log.size, 0U);
    model.partitions[1].event_log = true;
    const Plan plan = plan_of(model);
    ASSERT_EQ(plan.event_log.size, guest::kEventLogSize);
    EXPECT_TRUE(lists(plan, "event log", plan.event_log.base.value, plan.event_log.size));
    for (const auto& region : plan.partitions[0].regions) {
        EXPECT_NE(region.kind, manifest::RegionKind::event_log);
    }
    const auto& regions = plan.partitions[1].regions;
    const auto log = std::find_if(regions.begin(), regions.end(), [](const manifest::Region& region) {
        return region.kind == manifest::RegionKind::event_log;
    });
    ASSERT_NE(log, regions.end());
    EXPECT_EQ(log->gpa.value, guest::kEventLogBase);
    EXPECT_EQ(log->hpa, plan.event_log.base);
    EXPECT_EQ(log->size, guest::kEventLogSize);
    EXPECT_EQ(log->access, manifest::kRead);
}

TEST(CrashRecord, HasAPageOfItsOwn) {
    const Plan plan = plan_of(make_pair());
    EXPECT_NE(plan.crash_record.value, 0U);
    EXPECT_TRUE(lists(plan, "crash record", plan.crash_record.value, kPageSize));
}

TEST(Watchdog, IsThereWhenAHeartbeatIsPromised) {
    config::Model model = watched();
    const Plan plan = plan_of(model);
    const manifest::Watchdog record = watchdog_record(plan, model);
    EXPECT_EQ(record.kind, manifest::WatchdogKind::hpet);
    EXPECT_EQ(record.comparator, 2);
    EXPECT_EQ(record.registers.value, 0xFED0'0000U);
    EXPECT_EQ(record.period_us, 100'000U); // four looks in 400 ms
    EXPECT_EQ(record.requester, manifest::kNobody);
    EXPECT_EQ(record.handle, ~0U);
    EXPECT_EQ(record.apic_id, 3U); // three of four CPUs are owned
    model.partitions[0].heartbeat_ms.reset();
    model.partitions[1].heartbeat_ms.reset();
    EXPECT_EQ(watchdog_record(plan_of(model), model).kind, manifest::WatchdogKind::none);
}

TEST(Watchdog, LooksNeitherTooOftenNorTooSeldom) {
    config::Model model = watched();
    model.partitions[1].heartbeat_ms->value = 3'600'000;
    model.partitions[0].heartbeat_ms->value = 3'600'000;
    EXPECT_EQ(watchdog_record(plan_of(model), model).period_us, 1'000'000U);
    model.partitions[0].heartbeat_ms->value = 2;
    EXPECT_EQ(watchdog_record(plan_of(model), model).period_us, 1'000U);
}

TEST(Watchdog, TakesTheFirstCpuWhenNoneSleeps) {
    config::Model model = watched();
    model.board.cpus.pop_back();
    const Plan plan = plan_of(model);
    EXPECT_EQ(watchdog_record(plan, model).apic_id, plan.cpus[0].apic_id);
}

// VT-d §9.9.
TEST(Watchdog, HasAnInterruptEntryWhereItsMessagesPassTheUnit) {
    for (const bool extended : {false, true}) {
        config::Model model = watched();
        model.board.watchdog->requester = 0xF8;
        model.board.iommu.extended_interrupts = extended;
        const Plan plan = plan_of(model);
        const manifest::Watchdog record = watchdog_record(plan, model);
        EXPECT_EQ(record.requester, 0xF8);
        ASSERT_EQ(record.handle, 0U); // no device has one
        const auto sizes = iommu_sizes(plan, model.board);
        Bytes written(sizes.written, 0);
        Bytes sealed(sizes.sealed, 0);
        write_iommu_tables(plan, model.board, {Hpa{0x700'0000}, Hpa{0x800'0000}}, written, sealed);
        const auto low = get<std::uint64_t>(written, 0);
        const auto high = get<std::uint64_t>(written, 8);
        EXPECT_EQ(low & 0xFFFF'FFFF, 0x81U); // present, physical, edge, NMI
        EXPECT_EQ(low >> 32U, extended ? 3U : 3U << 8U);
        EXPECT_EQ(high, 0x4'00F8U); // that source alone
        EXPECT_EQ(get<std::uint64_t>(written, 16), 0U);
    }
}

TEST(Timer, HasItsPorts) {
    config::Partition partition = make_partition("alpha", 8 * kMiB);
    const auto has = [&](std::uint16_t first, std::uint16_t last, manifest::PortAnswer answer) {
        const auto rules = port_rules(partition);
        return std::any_of(rules.begin(), rules.end(), [&](const manifest::PortRule& rule) {
            return rule.first == first && rule.last == last && rule.answer == answer;
        });
    };
    EXPECT_FALSE(has(0x40, 0x43, manifest::PortAnswer::pit));
    partition.pit = true;
    EXPECT_TRUE(has(0x40, 0x43, manifest::PortAnswer::pit));
    EXPECT_TRUE(has(0x61, 0x61, manifest::PortAnswer::pit_gate));
}

} // namespace
} // namespace septum::build
