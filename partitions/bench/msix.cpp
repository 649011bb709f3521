// SPDX-License-Identifier: Apache-2.0
#include "msix.hpp"

#include <septum/guest/board.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::bench {
namespace {

constexpr u32 kFunction = 0x8000'0800; // 00:01.0, as CONFIG_ADDRESS names it (PCI 3.0 §3.2.2.3.2)
constexpr u32 kCommand = 0x04;
constexpr u32 kMemory = 1u << 1;
constexpr u32 kBars = 0x10;
constexpr u32 kCapabilities = 0x34;
constexpr u32 kMsixId = 0x11;
constexpr u32 kMostCapabilities = 48;

u32 read(u32 offset) {
    guest::cpu::out32(guest::kPciAddressPort, kFunction | offset);
    return guest::cpu::in32(guest::kPciDataPort);
}

} // namespace

MsixTable find_msix() {
    if (read(0) == 0xFFFF'FFFF) {
        return {};
    }
    u32 at = read(kCapabilities) & 0xFC;
    for (u32 i = 0; i < kMostCapabilities && at != 0; ++i) {
        const u32 head = read(at);
        if ((head & 0xFF) == kMsixId) {
            const u32 table = read(at + 4); // BAR number in the low three bits (§6.8.2.4)
            const u64 bar = read(kBars + 4 * (table & 7)) & ~0xFu;
            static_cast<void>(read(kCommand));
            guest::cpu::out32(guest::kPciDataPort, kMemory);
            return {bar + (table & ~7u)};
        }
        at = head >> 8 & 0xFC;
    }
    return {};
}

} // namespace septum::bench
