// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/pci.hpp"

#include "kernel/hw/pci.hpp"

namespace septum::kernel::boot {

namespace {

// Configuration registers (PCI 3.0 §6.1).
constexpr u32 kIds = 0x00;
constexpr u32 kCommandStatus = 0x04; // status bits are cleared by ones: zeros leave them alone
constexpr u32 kClass = 0x08;
constexpr u32 kHeaderType = 0x0C; // bits 23:16
constexpr u32 kCommandMask = 0xFFFF;
constexpr u32 kBusMaster = 1u << 2;
constexpr u32 kMultiFunction = 1u << 23;
constexpr u32 kNobody = 0xFFFF'FFFF;

u32 read(u32 bdf, u32 reg) { return hw::pci_read(bdf, reg, 4); }
void write(u32 bdf, u32 reg, u32 value) { hw::pci_write(bdf, reg, 4, value); }

// Host and ISA bridges carry the CPU's own accesses; many have the bit wired to one.
bool may_stay_master(u32 bdf) {
    const u32 code = read(bdf, kClass) >> 16;
    return code == 0x0600 || code == 0x0601;
}

Refusal silence(u32 bdf) {
    const u32 command = read(bdf, kCommandStatus) & kCommandMask;
    if ((command & kBusMaster) == 0) {
        return kHolds;
    }
    write(bdf, kCommandStatus, command & ~kBusMaster);
    if ((read(bdf, kCommandStatus) & kBusMaster) != 0 && !may_stay_master(bdf)) {
        return {Code::pci, Value::text("bus master"), Value::bdf(bdf), Value::text("off"), Value::text("on")};
    }
    return kHolds;
}

Refusal take(u32 bdf, u32 id, PciFound& found) {
    if (found.count == kMaxPciFunctions) {
        return {Code::pci,
                Value::text("pci functions"),
                {},
                Value::range("a count in", 0, kMaxPciFunctions + 1),
                Value::text("more")};
    }
    found.functions[found.count++] = {bdf, id};
    return silence(bdf);
}

} // namespace

Refusal silence_pci(PciFound& found) {
    found.count = 0;
    for (u32 device = 0; device < 256 * 32; device++) {
        const u32 bdf = device << 3;
        const u32 id = read(bdf, kIds);
        if (id == kNobody) { // a device answers as function 0, or is not there (PCI 3.0 §3.2.2.3.4)
            continue;
        }
        SEPTUM_REQUIRE(take(bdf, id, found));
        if ((read(bdf, kHeaderType) & kMultiFunction) == 0) {
            continue;
        }
        for (u32 function = 1; function < 8; function++) {
            const u32 other = read(bdf | function, kIds);
            if (other != kNobody) {
                SEPTUM_REQUIRE(take(bdf | function, other, found));
            }
        }
    }
    return kHolds;
}

} // namespace septum::kernel::boot
