// SPDX-License-Identifier: Apache-2.0
// What the manifest says of watchdog, event log, crash record and answers, and every way in which that might not hold.
#include "kernel/boot/watchdog.hpp"

#include "tests/unit/kernel-boot/said.hpp"

#include <septum/manifest/layout.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace septum::kernel::boot {
namespace {

struct alignas(kPageSize) Page { // plain records behind a header, as in a bundle
    manifest::Header header;
    manifest::Cpu cpu;
    manifest::Partition partition;
};

struct BundleHealth : testing::Test {
    std::unique_ptr<Page> page = std::make_unique<Page>();

    void SetUp() override {
        manifest::Header& h = page->header;
        h.bundle_base = Hpa{0x400'0000};
        h.bundle_size = 0x10'0000;
        h.kernel = {Hpa{0x20'0000}, 0x2'0000};
        h.workspace = {Hpa{0x300'0000}, 0x1'0000};
        h.trampoline = Hpa{0x8000};
        h.cpus = {offsetof(Page, cpu), 1};
        h.partitions = {offsetof(Page, partition), 1};
        h.event_log = {Hpa{0x310'0000}, 0x4000};
        h.crash_record = Hpa{0x320'0000};
        h.iommu.interrupt_table_entries = 256;
        h.watchdog.kind = manifest::WatchdogKind::hpet;
        h.watchdog.comparator = 1;
        h.watchdog.apic_id = 3;
        h.watchdog.registers = Hpa{0xFED0'0000};
        h.watchdog.period_us = 100'000;
        h.watchdog.handle = ~0u;
        page->cpu.apic_id = 3;
        page->partition.heartbeat_ms = 400;
        for (manifest::OnFault& answer : page->partition.on) {
            answer = manifest::OnFault::restart;
        }
    }
    std::string refusal() const {
        const Refusal found = check_health(page->header);
        return found ? said(found) : "";
    }
};

TEST_F(BundleHealth, Holds) {
    EXPECT_EQ(refusal(), "");
    page->header.watchdog.handle = 255;
    EXPECT_EQ(refusal(), "");
    page->header.watchdog = {};
    page->partition.heartbeat_ms = 0;
    page->header.event_log = {};
    page->header.crash_record = {};
    EXPECT_EQ(refusal(), "");
}

TEST_F(BundleHealth, RefusesWhatDoesNotHold) {
    const struct {
        const char* what;
        std::function<void(Page&)> change;
    } cases[] = {
        {"manifest watchdog:", [](Page& p) { p.header.watchdog.kind = static_cast<manifest::WatchdogKind>(7); }},
        {"manifest watchdog registers:", [](Page& p) { p.header.watchdog.registers = Hpa{0xFED0'0008}; }},
        {"manifest watchdog registers:", [](Page& p) { p.header.watchdog.registers = Hpa{0}; }},
        {"manifest watchdog comparator:", [](Page& p) { p.header.watchdog.comparator = 32; }},
        {"manifest watchdog period:", [](Page& p) { p.header.watchdog.period_us = 0; }},
        {"manifest watchdog handle:", [](Page& p) { p.header.watchdog.handle = 256; }},
        {"manifest watchdog cpu:", [](Page& p) { p.header.watchdog.apic_id = 4; }},
        {"manifest heartbeat:", [](Page& p) { p.header.watchdog = {}; }},
        {"manifest event log:", [](Page& p) { p.header.event_log.size = 0x1008; }},
        {"manifest event log:", [](Page& p) { p.header.event_log.base = Hpa{0x300'1000}; }},
        {"manifest event log:", [](Page& p) { p.header.event_log.base = Hpa{~u64{0xFFF}}; }},
        {"manifest crash record:", [](Page& p) { p.header.crash_record = Hpa{0x400'0000}; }},
        {"manifest crash record:", [](Page& p) { p.header.crash_record = Hpa{0x320'0010}; }},
        {"manifest answer to a cause:", [](Page& p) { p.partition.on[5] = static_cast<manifest::OnFault>(0); }},
        {"manifest answer to a cause:", [](Page& p) { p.partition.on[0] = static_cast<manifest::OnFault>(4); }},
    };
    for (const auto& each : cases) {
        SetUp();
        each.change(*page);
        EXPECT_NE(refusal().find(each.what), std::string::npos) << each.what << " was answered with: " << refusal();
    }
}

TEST(Watchdog, CountsItsPeriodInTicks) {
    EXPECT_EQ(watchdog_ticks(100'000, 10'000'000), 10'000'000U); // 10 ns
    EXPECT_EQ(watchdog_ticks(1'000, 69'841'279), 14'318U);       // 14.318 MHz
    EXPECT_EQ(watchdog_ticks(1'000, 0), 0U);
    EXPECT_EQ(watchdog_ticks(1'000'000, 0x05F5'E100), 10'000'000U);
}

TEST(Watchdog, SendsAnNmiOrARemappableMessage) {
    EXPECT_EQ(watchdog_message(~0u, 3).address, 0xFEE0'3000U);
    EXPECT_EQ(watchdog_message(~0u, 3).data, 0x400U); // delivery mode NMI
    // Handle 0x8005: bits 14:0 in [19:5], bit 15 in [2]; remappable format in [4].
    EXPECT_EQ(watchdog_message(0x8005, 3).address, 0xFEE0'0000U | 5u << 5 | 0x10 | 0x4);
    EXPECT_EQ(watchdog_message(0x8005, 3).data, 0U);
}

} // namespace
} // namespace septum::kernel::boot
