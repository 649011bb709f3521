// SPDX-License-Identifier: Apache-2.0
// The effects behind pci_program.hpp, and the order.
#include "kernel/boot/bundle.hpp"
#include "kernel/boot/map.hpp"
#include "kernel/boot/pci.hpp"
#include "kernel/boot/pci_program.hpp"
#include "kernel/hw/mmio.hpp"
#include "kernel/hw/pci.hpp"

namespace septum::kernel::boot {

namespace {

constexpr PciAccess kMachine{hw::pci_read, hw::pci_write, hw::mmio_read32, hw::mmio_write32};

Refusal program_bridges(const manifest::Header& header) {
    for (const auto& bridge : records<manifest::Bridge>(header, header.bridges)) {
        SEPTUM_REQUIRE(program_bridge(bridge, kMachine));
        if (bridge.acs != 0) {
            SEPTUM_REQUIRE(map("ecam", {header.ecam + (u64{bridge.bdf} << 12), kPageSize}));
            SEPTUM_REQUIRE(turn_on_acs(bridge, header.ecam, kMachine));
        }
    }
    return kHolds;
}

} // namespace

Refusal check_pci_facts(const manifest::Header& header) {
    return check_pci_bits(records<manifest::Fact>(header, header.facts), kMachine);
}

Refusal program_pci(const manifest::Header& header, const PciFound& found) {
    close_functions({found.functions, found.count}, kMachine);
    SEPTUM_REQUIRE(program_bridges(header));
    const auto all_bars = records<manifest::Bar>(header, header.bars);
    for (const auto& device : records<manifest::Device>(header, header.devices)) {
        if (device.bdf == manifest::kNobody) {
            continue;
        }
        const Records<manifest::Bar> bars{all_bars.first + device.bars.first, device.bars.count};
        SEPTUM_REQUIRE(program_device(device, bars, kMachine));
        if (device.msix_entries != 0) {
            const manifest::Bar& table = all_bars[device.msix_bar];
            SEPTUM_REQUIRE(map("msi-x table", table.memory));
            mask_msix(device, table, kMachine);
        }
    }
    return kHolds;
}

} // namespace septum::kernel::boot
