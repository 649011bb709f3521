// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/pci_program.hpp"

namespace septum::kernel::boot {

namespace {

// Registers of a bridge (PCI-to-PCI bridge 1.2 §3.2).
constexpr u32 kCommand = 0x04;
constexpr u32 kBuses = 0x18;          // primary, secondary, subordinate: a byte each
constexpr u32 kIoWindow = 0x1C;
constexpr u32 kMemoryWindow = 0x20;   // base in the low half, limit in the high half; bits 31:20 of the address in 15:4
constexpr u32 kPrefetchable = 0x24;
constexpr u32 kPrefetchableHigh = 0x28;
constexpr u32 kPrefetchableHighLimit = 0x2C;
constexpr u32 kIoWindowHigh = 0x30;
constexpr u32 kBridgeControl = 0x3E;
constexpr u32 kMemory = 1u << 1;
constexpr u32 kBusMaster = 1u << 2;
constexpr u32 kIntxDisable = 1u << 10;
constexpr u32 kVga = 3u << 3;         // bridge control: forwards the addresses of a VGA
constexpr u32 kClosed = 0x0000'FFF0;  // base above limit
constexpr u32 kAddressBits = 0xFFF0'FFF0; // the low four of each half say what the window can

// ACS extended capability, from its header: id 0x000D; capability at 4, control at 6.
constexpr u32 kAcsId = 0x000D;
constexpr u32 kAcsCapability = 4;
constexpr u32 kAcsNeeded = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4; // source validation, request and completion redirect, upstream forwarding
constexpr u32 kAcsBlocking = 1u << 1; // translation blocking
constexpr u32 kAcsAll = 0x7F;

Refusal differs(const char* what, u32 bdf, Value expected, Value found) {
    return {Code::pci, Value::text(what), Value::bdf(bdf), expected, found};
}

constexpr u32 window(const manifest::Range& range) {
    if (range.size == 0) {
        return kClosed;
    }
    const u64 last = range.base.value + range.size - 1;
    return (static_cast<u32>(range.base.value) >> 16 & 0xFFF0) | (static_cast<u32>(last) & 0xFFF0'0000);
}

} // namespace

Refusal program_bridge(const manifest::Bridge& bridge, const PciAccess& access) {
    const u32 bdf = bridge.bdf;
    const u32 buses = static_cast<u32>(bridge.primary | bridge.secondary << 8 | bridge.subordinate << 16);
    const u32 found_buses = access.read(bdf, kBuses, 4) & 0x00FF'FFFF;
    if (found_buses != buses) {
        return differs("bridge buses", bdf, Value::hex(buses), Value::hex(found_buses));
    }
    access.write(bdf, kCommand, 2, kIntxDisable);
    access.write(bdf, kIoWindow, 2, 0x00F0);
    access.write(bdf, kIoWindowHigh, 4, 0);
    const u32 memory = window(bridge.window);
    access.write(bdf, kMemoryWindow, 4, memory);
    const u32 found = access.read(bdf, kMemoryWindow, 4) & kAddressBits;
    if (found != memory) {
        return differs("bridge window", bdf, Value::hex(memory), Value::hex(found));
    }
    const u32 prefetchable = window(bridge.prefetchable);
    const bool closed = bridge.prefetchable.size == 0;
    const u64 last = bridge.prefetchable.base.value + bridge.prefetchable.size - 1;
    const u32 high = closed ? 0 : static_cast<u32>(bridge.prefetchable.base.value >> 32);
    const u32 high_limit = closed ? 0 : static_cast<u32>(last >> 32);
    access.write(bdf, kPrefetchable, 4, prefetchable);
    access.write(bdf, kPrefetchableHigh, 4, high);
    access.write(bdf, kPrefetchableHighLimit, 4, high_limit);
    const u32 found_prefetchable = access.read(bdf, kPrefetchable, 4) & kAddressBits;
    const bool is_absent = closed && found_prefetchable == 0; // such a window need not exist (§3.2.5.9)
    if (!is_absent && found_prefetchable != prefetchable) {
        return differs("bridge prefetchable window", bdf, Value::hex(prefetchable), Value::hex(found_prefetchable));
    }
    const u64 wanted_high = u64{high_limit} << 32 | high;
    const u64 found_high =
        u64{access.read(bdf, kPrefetchableHighLimit, 4)} << 32 | access.read(bdf, kPrefetchableHigh, 4);
    if (found_high != wanted_high) {
        return differs("bridge prefetchable window, upper halves", bdf, Value::hex(wanted_high), Value::hex(found_high));
    }
    access.write(bdf, kBridgeControl, 2, access.read(bdf, kBridgeControl, 2) & ~kVga);
    access.write(bdf, kCommand, 2, kMemory | kBusMaster | kIntxDisable);
    return kHolds;
}

Refusal turn_on_acs(const manifest::Bridge& bridge, Hpa ecam, const PciAccess& access) {
    const Hpa capability = ecam + (u64{bridge.bdf} << 12) + bridge.acs_at; // PCIe 6.0 §7.2.2
    const u32 id = access.read_memory(capability) & 0xFFFF;
    if (id != kAcsId) {
        return differs("access control services", bridge.bdf, Value::hex(kAcsId), Value::hex(id));
    }
    const u32 can = access.read_memory(capability + kAcsCapability) & kAcsAll;
    if ((can & kAcsNeeded) != kAcsNeeded) {
        return differs("access control services can", bridge.bdf, Value::hex(kAcsNeeded), Value::hex(can));
    }
    const u32 wanted = kAcsNeeded | (can & kAcsBlocking);
    access.write_memory(capability + kAcsCapability, wanted << 16); // the capability's half is read-only
    const u32 on = access.read_memory(capability + kAcsCapability) >> 16 & kAcsAll;
    if (on != wanted) {
        return differs("access control services on", bridge.bdf, Value::hex(wanted), Value::hex(on));
    }
    return kHolds;
}

} // namespace septum::kernel::boot
