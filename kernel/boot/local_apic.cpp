// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/local_apic.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/mmio.hpp"
#include "kernel/hw/msr.hpp"

namespace septum::kernel::boot {

namespace {

using manifest::ApicMode;

constexpr u32 kMsrApicBase = 0x1B;
constexpr u32 kMsrX2apicFirst = 0x800;
constexpr u64 kBase = 0xFEE0'0000;
constexpr u64 kBaseMask = 0x000F'FFFF'FFFF'F000;
constexpr u64 kGloballyEnabled = 1u << 11; // APIC_BASE.AE (APM 2 §16.3.1)
constexpr u64 kExtended = 1u << 10;        // APIC_BASE.EXTD (§16.9)

// Registers by their xAPIC offset; x2APIC's MSR is 0x800 + offset / 16.
constexpr u32 kVersion = 0x30;
constexpr u32 kTaskPriority = 0x80;
constexpr u32 kSpurious = 0xF0;
constexpr u32 kCommandLow = 0x300;
constexpr u32 kTimer = 0x320;
constexpr u32 kThermal = 0x330;
constexpr u32 kPerformance = 0x340;
constexpr u32 kLint0 = 0x350;
constexpr u32 kLint1 = 0x360;
constexpr u32 kError = 0x370;

constexpr u32 kSoftwareEnable = 1u << 8;
constexpr u32 kSpuriousVector = 0xFF;
constexpr u32 kMasked = 1u << 16;
constexpr u32 kDeliveryPending = 1u << 12;
constexpr u32 kAllButSelf = 3u << 18;
constexpr u32 kAssert = 1u << 14;
constexpr u32 kInit = 5u << 8;
constexpr u32 kStartup = 6u << 8;

u32 read(ApicMode mode, u32 reg) {
    return mode == ApicMode::x2apic ? static_cast<u32>(hw::read_msr(kMsrX2apicFirst + reg / 16))
                                    : hw::mmio_read32(Hpa{kBase + reg});
}

void write(ApicMode mode, u32 reg, u32 value) {
    if (mode == ApicMode::x2apic) {
        hw::write_msr(kMsrX2apicFirst + reg / 16, value);
    } else {
        hw::mmio_write32(Hpa{kBase + reg}, value);
    }
}

void send(ApicMode mode, u32 command) {
    write(mode, kCommandLow, kAllButSelf | kAssert | command);
    for (u32 polls = 0; mode == ApicMode::xapic && polls < 100'000; polls++) {
        if ((read(mode, kCommandLow) & kDeliveryPending) == 0) {
            return;
        }
        hw::pause();
    }
}

Refusal enter_mode(ApicMode mode) {
    const u64 base = hw::read_msr(kMsrApicBase);
    if ((base & kGloballyEnabled) == 0 || (base & kBaseMask) != kBase) {
        return {Code::apic, Value::text("local APIC"), {}, Value::hex(kBase | kGloballyEnabled), Value::hex(base)};
    }
    if (mode == ApicMode::xapic) {
        if ((base & kExtended) != 0) {
            return {Code::apic, Value::text("local APIC mode"), {}, Value::text("xAPIC"), Value::text("x2APIC")};
        }
        return kHolds;
    }
    if ((hw::cpuid(1).registers[2] >> 21 & 1) == 0) {
        return {Code::apic, Value::text("local APIC mode"), {}, Value::text("x2APIC"), Value::text("xAPIC only")};
    }
    hw::write_msr(kMsrApicBase, base | kExtended);
    return kHolds;
}

} // namespace

Refusal enable_local_apic(ApicMode mode) {
    SEPTUM_REQUIRE(enter_mode(mode));
    write(mode, kSpurious, kSoftwareEnable | kSpuriousVector);
    write(mode, kTaskPriority, 0);
    const u32 last = read(mode, kVersion) >> 16 & 0xFF; // number of local vectors less one
    constexpr u32 kAlways[] = {kTimer, kLint0, kLint1, kError};
    for (const u32 reg : kAlways) {
        write(mode, reg, kMasked);
    }
    if (last >= 4) {
        write(mode, kPerformance, kMasked);
    }
    if (last >= 5) {
        write(mode, kThermal, kMasked);
    }
    return kHolds;
}

u32 read_apic_id() {
    if (hw::cpuid(0).registers[0] >= 0xB) {
        const hw::CpuidValue topology = hw::cpuid(0xB);
        if (topology.registers[1] != 0) { // EBX zero: the leaf says nothing
            return topology.registers[3];
        }
    }
    return hw::cpuid(1).registers[1] >> 24;
}

void send_init(ApicMode mode) {
    send(mode, kInit);
}

void send_startup(ApicMode mode, Hpa page) {
    send(mode, kStartup | static_cast<u32>(page.value >> 12));
}

} // namespace septum::kernel::boot
