// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/pci_program.hpp"

namespace septum::kernel::boot {

namespace {

// Registers of a function (PCI 3.0 §6.1, §6.2.5).
constexpr u32 kCommand = 0x04;
constexpr u32 kClass = 0x08;
constexpr u32 kHeaderType = 0x0E;
constexpr u32 kBars = 0x10;
constexpr u32 kRom = 0x30;
constexpr u32 kMemory = 1u << 1;
constexpr u32 kIntxDisable = 1u << 10;
constexpr u32 kIsIo = 1u << 0;
constexpr u32 kIs64 = 1u << 2;
constexpr u32 kIsPrefetchable = 1u << 3;
constexpr u32 kFlags = 0xF;
constexpr u32 kHeaderBridge = 1;
constexpr u32 kHeaderMask = 0x7F;

// Capabilities (§6.8): id in the first byte, message control in the upper half.
constexpr u32 kMsiId = 0x05;
constexpr u32 kMsixId = 0x11;
constexpr u32 kMessageControl = 2;
constexpr u32 kMsiEnable = 1u << 0;
constexpr u32 kMsixEnable = 1u << 15;
constexpr u32 kMsixSize = 0x7FF;
constexpr u32 kMsixTable = 4;

Refusal differs(const char* what, u32 bdf, Value expected, Value found) {
    return {Code::pci, Value::text(what), Value::bdf(bdf), expected, found};
}

constexpr const char* kBarNames[] = {"bar 0", "bar 1", "bar 2", "bar 3", "bar 4", "bar 5"};

const manifest::Bar* find_bar(const Records<manifest::Bar>& bars, u32 number) {
    for (const auto& bar : bars) {
        if (bar.number == number) {
            return &bar;
        }
    }
    return nullptr;
}

// Writes all ones to a BAR register and says which address bits it has; 0: none.
u32 address_bits(u32 bdf, u32 offset, u32 flags, const PciAccess& access) {
    access.write(bdf, offset, 4, 0xFFFF'FFFF);
    return access.read(bdf, offset, 4) & ~flags;
}

// A BAR that the manifest does not know: not a memory BAR (I/O decoding stays off).
Refusal check_unknown(u32 bdf, u32 number, const PciAccess& access) {
    const u32 offset = kBars + 4 * number;
    const u32 before = access.read(bdf, offset, 4);
    const u32 bits = address_bits(bdf, offset, (before & kIsIo) != 0 ? 0x3 : kFlags, access);
    const u32 after = access.read(bdf, offset, 4);
    access.write(bdf, offset, 4, before);
    if (bits != 0 && (after & kIsIo) == 0) {
        return differs(kBarNames[number], bdf, Value::text("no memory bar"), Value::text("an undeclared one"));
    }
    return kHolds;
}

// A smaller one than a page is planned as a page.
bool has_size(const manifest::Bar& bar, u64 found) {
    return found == bar.memory.size || (found != 0 && found < kPageSize && bar.memory.size == kPageSize);
}

Refusal program_bar(u32 bdf, const manifest::Bar& bar, const PciAccess& access) {
    const char* name = kBarNames[bar.number % manifest::kMaxBars];
    const u32 offset = kBars + 4u * bar.number;
    const bool is_64 = (bar.flags & manifest::kBar64) != 0;
    const u32 flags =
        (is_64 ? kIs64 : 0) | ((bar.flags & manifest::kBarPrefetchable) != 0 ? kIsPrefetchable : 0);
    u64 bits = address_bits(bdf, offset, kFlags, access);
    const u32 found_flags = access.read(bdf, offset, 4) & kFlags;
    if (found_flags != flags) {
        return differs(name, bdf, Value::hex(flags), Value::hex(found_flags));
    }
    if (is_64) {
        bits |= u64{address_bits(bdf, offset + 4, 0, access)} << 32;
    } else {
        bits |= bits == 0 ? 0 : 0xFFFF'FFFF'0000'0000;
    }
    const u64 size = ~bits + 1;
    if (!has_size(bar, size)) {
        return differs(name, bdf, Value::hex(bar.memory.size), Value::hex(size));
    }
    const u64 base = bar.memory.base.value;
    access.write(bdf, offset, 4, static_cast<u32>(base));
    u64 found = access.read(bdf, offset, 4) & ~kFlags;
    if (is_64) {
        access.write(bdf, offset + 4, 4, static_cast<u32>(base >> 32));
        found |= u64{access.read(bdf, offset + 4, 4)} << 32;
    }
    if (found != base) {
        return differs(name, bdf, Value::hex(base), Value::hex(found));
    }
    return kHolds;
}

Refusal turn_off_messages(const manifest::Device& device, const Records<manifest::Bar>& bars, const PciAccess& access) {
    const u32 bdf = device.bdf;
    if (device.msi_at != 0) {
        const u32 id = access.read(bdf, device.msi_at, 1);
        if (id != kMsiId) {
            return differs("msi capability", bdf, Value::hex(kMsiId), Value::hex(id));
        }
        const u32 control = access.read(bdf, device.msi_at + kMessageControl, 2);
        access.write(bdf, device.msi_at + kMessageControl, 2, control & ~kMsiEnable);
    }
    if (device.msix_at != 0) {
        const u32 id = access.read(bdf, device.msix_at, 1);
        if (id != kMsixId) {
            return differs("msi-x capability", bdf, Value::hex(kMsixId), Value::hex(id));
        }
        const u32 control = access.read(bdf, device.msix_at + kMessageControl, 2);
        access.write(bdf, device.msix_at + kMessageControl, 2, control & ~kMsixEnable);
        const u32 entries = (control & kMsixSize) + 1;
        if (entries != device.msix_entries) {
            return differs("msi-x entries", bdf, Value::decimal(device.msix_entries), Value::decimal(entries));
        }
        const u32 table = access.read(bdf, device.msix_at + kMsixTable, 4);
        const manifest::Bar* bar = find_bar(bars, table & 7);
        const bool in_bar = bar != nullptr && device.msix_bar == device.bars.first + static_cast<u32>(bar - bars.first);
        if (!in_bar || (table & ~7u) != device.msix_offset) {
            return differs("msi-x table", bdf, Value::hex(device.msix_offset), Value::hex(table));
        }
    }
    return kHolds;
}

} // namespace

Refusal check_pci_bits(const Records<manifest::Fact>& facts, const PciAccess& access) {
    for (const auto& fact : facts) {
        if (fact.kind != manifest::FactKind::pci_bits) {
            continue;
        }
        const u64 found = access.read(fact.a, fact.b, 4) & fact.mask;
        if (found != (fact.expected & fact.mask)) {
            return {Code::pci, Value::name(fact.name), Value::bdf(fact.a), Value::hex(fact.expected & fact.mask),
                    Value::hex(found)};
        }
    }
    return kHolds;
}

void close_functions(const Records<PciFunction>& found, const PciAccess& access) {
    for (const auto& function : found) {
        const u32 kind = access.read(function.bdf, kClass, 4) >> 24;
        const bool is_bridge = (access.read(function.bdf, kHeaderType, 1) & kHeaderMask) == kHeaderBridge;
        if ((kind == 0x06 && !is_bridge) || kind == 0x08) {
            continue;
        }
        access.write(function.bdf, kCommand, 2, kIntxDisable);
    }
}

Refusal program_device(const manifest::Device& device, const Records<manifest::Bar>& bars, const PciAccess& access) {
    const u32 bdf = device.bdf;
    access.write(bdf, kCommand, 2, kIntxDisable);
    access.write(bdf, kRom, 4, 0);
    for (u32 number = 0; number < manifest::kMaxBars; number++) {
        const manifest::Bar* bar = find_bar(bars, number);
        if (bar == nullptr) {
            SEPTUM_REQUIRE(check_unknown(bdf, number, access));
            continue;
        }
        SEPTUM_REQUIRE(program_bar(bdf, *bar, access));
        number += (bar->flags & manifest::kBar64) != 0 ? 1 : 0;
    }
    return turn_off_messages(device, bars, access);
}

void mask_msix(const manifest::Device& device, const manifest::Bar& table, const PciAccess& access) {
    constexpr u64 kEntrySize = 16;
    constexpr u64 kVectorControl = 12;
    access.write(device.bdf, kCommand, 2, kMemory | kIntxDisable);
    for (u64 i = 0; i < device.msix_entries; i++) {
        access.write_memory(table.memory.base + device.msix_offset + i * kEntrySize + kVectorControl, 1);
    }
    access.write(device.bdf, kCommand, 2, kIntxDisable);
}

} // namespace septum::kernel::boot
