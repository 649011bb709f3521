// SPDX-License-Identifier: Apache-2.0
// The physical local APIC, addressed by x2APIC register numbers in both modes (APM 2 §16.3, §16.11).
#pragma once

#include "kernel/hw/control.hpp"
#include "kernel/hw/mmio.hpp"
#include "kernel/hw/msr.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::apic {

inline constexpr u64 kMmioBase = 0xFEE0'0000;

enum Register : u32 {
    kId = 0x802,
    kTpr = 0x808,
    kEoi = 0x80B,
    kSvr = 0x80F,
    kIsr = 0x810,
    kIrr = 0x820,
    kEsr = 0x828,
    kIcr = 0x830,
    kLvtTimer = 0x832,
    kLvtError = 0x837,
    kInitialCount = 0x838,
    kDivide = 0x83E,
};

inline constexpr u32 kDeliverFixed = 0;
inline constexpr u32 kDeliverNmi = 4u << 8;
inline constexpr u32 kLevelAssert = 1u << 14;

inline Hpa mmio(u32 index) { return Hpa{kMmioBase + u64{index - 0x800} * 16}; }

inline u32 read(manifest::ApicMode mode, u32 index) {
    if (mode == manifest::ApicMode::x2apic) {
        return static_cast<u32>(hw::read_msr(index));
    }
    return hw::mmio_read32(mmio(index));
}

inline void write(manifest::ApicMode mode, u32 index, u32 value) {
    if (mode == manifest::ApicMode::x2apic) {
        hw::write_msr(index, value);
    } else {
        hw::mmio_write32(mmio(index), value);
    }
}

// The APIC id of the CPU that asks.
inline u32 self(manifest::ApicMode mode) {
    const u32 id = read(mode, kId);
    return mode == manifest::ApicMode::x2apic ? id : id >> 24;
}

// One interrupt to one physical APIC id. xAPIC takes two writes, and the last one must have left before the next.
inline void send(manifest::ApicMode mode, u32 apic_id, u32 command) {
    if (mode == manifest::ApicMode::x2apic) {
        hw::write_msr(kIcr, u64{apic_id} << 32 | command);
        return;
    }
    constexpr u32 kPending = 1u << 12;
    for (u32 polls = 0; polls < 100'000 && (hw::mmio_read32(mmio(kIcr)) & kPending) != 0; polls++) {
        hw::pause();
    }
    hw::mmio_write32(Hpa{kMmioBase + 0x310}, apic_id << 24);
    hw::mmio_write32(mmio(kIcr), command | kLevelAssert);
}

// Masks every source, ends what is in service and swallows what is pending: as after a reset, without one.
void quiesce(manifest::ApicMode mode);

} // namespace septum::kernel::apic
