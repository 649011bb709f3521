// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/legacy.hpp"

#include "kernel/hw/mmio.hpp"
#include "kernel/hw/port.hpp"

namespace septum::kernel::boot {

namespace {

constexpr u16 kPicMasterMask = 0x21;
constexpr u16 kPicSlaveMask = 0xA1;

// I/O APIC (82093AA §3.1): an index and a data window.
constexpr Hpa kIoApicSelect{0xFEC0'0000};
constexpr Hpa kIoApicWindow{0xFEC0'0010};
constexpr u32 kIoApicVersion = 1;
constexpr u32 kIoApicRedirection = 0x10; // two registers each, low half first
constexpr u32 kMasked = 1u << 16;

} // namespace

void mask_legacy_interrupts() {
    hw::out8(kPicMasterMask, 0xFF);
    hw::out8(kPicSlaveMask, 0xFF);

    hw::mmio_write32(kIoApicSelect, kIoApicVersion);
    const u32 version = hw::mmio_read32(kIoApicWindow);
    if (version == 0 || version == ~0u) { // none there
        return;
    }
    const u32 last = version >> 16 & 0xFF;
    for (u32 entry = 0; entry <= last; entry++) {
        hw::mmio_write32(kIoApicSelect, kIoApicRedirection + 2 * entry);
        hw::mmio_write32(kIoApicWindow, kMasked);
    }
}

} // namespace septum::kernel::boot
