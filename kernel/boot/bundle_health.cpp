// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/bundle.hpp"
#include "kernel/boot/bundle_check.hpp"
#include "kernel/boot/watchdog.hpp"

namespace septum::kernel::boot {

namespace {

constexpr u32 kMostComparators = 32;

Refusal check_watchdog(const manifest::Header& header) {
    const manifest::Watchdog& watchdog = header.watchdog;
    if (watchdog.kind == manifest::WatchdogKind::none) {
        return kHolds;
    }
    if (watchdog.kind != manifest::WatchdogKind::hpet) {
        return bad("watchdog", Value::decimal(static_cast<u64>(manifest::WatchdogKind::hpet)),
                   Value::decimal(static_cast<u64>(watchdog.kind)));
    }
    if (!whole_pages(watchdog.registers.value) || watchdog.registers.value == 0 ||
        watchdog.registers.value >= kAddressLimit) {
        return bad("watchdog registers", Value::range("a page in", kPageSize, kAddressLimit),
                   Value::hex(watchdog.registers.value));
    }
    if (watchdog.comparator >= kMostComparators) {
        return bad("watchdog comparator", Value::range(0, kMostComparators), Value::decimal(watchdog.comparator));
    }
    if (watchdog.period_us == 0) {
        return bad("watchdog period", Value::text("more than nothing"), Value::decimal(0));
    }
    if (watchdog.handle != ~0u && watchdog.handle >= header.iommu.interrupt_table_entries) {
        return bad("watchdog handle", Value::range(0, header.iommu.interrupt_table_entries),
                   Value::decimal(watchdog.handle));
    }
    for (const auto& cpu : records<manifest::Cpu>(header, header.cpus)) {
        if (cpu.apic_id == watchdog.apic_id) {
            return kHolds;
        }
    }
    return bad("watchdog cpu", Value::text("one of the cpus"), Value::decimal(watchdog.apic_id));
}

Refusal check_kernel_page(const manifest::Header& header, const char* what, const manifest::Range& range) {
    if (!whole_pages(range.base.value) || !whole_pages(range.size) || range.base.value == 0 ||
        range.size > kAddressLimit || range.base.value > kAddressLimit - range.size) {
        return bad(what, Value::range("whole pages in", kPageSize, kAddressLimit),
                   Value::range(range.base.value, range.base.value + range.size));
    }
    const manifest::Range taken[] = {
        header.kernel, header.workspace, {header.bundle_base, header.bundle_size}, {header.trampoline, kPageSize}};
    for (const auto& other : taken) {
        if (overlap(range.base.value, range.size, other.base.value, other.size)) {
            return bad(what, Value::text("a place of its own"),
                       Value::range(range.base.value, range.base.value + range.size));
        }
    }
    return kHolds;
}

} // namespace

Refusal check_health(const manifest::Header& header) {
    SEPTUM_REQUIRE(check_watchdog(header));
    if (header.event_log.size != 0) {
        SEPTUM_REQUIRE(check_kernel_page(header, "event log", header.event_log));
    }
    if (header.crash_record.value != 0) {
        SEPTUM_REQUIRE(check_kernel_page(header, "crash record", {header.crash_record, kPageSize}));
    }
    for (const auto& partition : records<manifest::Partition>(header, header.partitions)) {
        for (const manifest::OnFault answer : partition.on) {
            if (answer < manifest::OnFault::stop || answer > manifest::OnFault::halt_system) {
                return bad("answer to a cause", Value::range(1, 4), Value::decimal(static_cast<u64>(answer)));
            }
        }
        if (partition.heartbeat_ms != 0 && header.watchdog.kind == manifest::WatchdogKind::none) {
            return bad("heartbeat", Value::text("a watchdog"), Value::text("none"));
        }
    }
    return kHolds;
}

} // namespace septum::kernel::boot
