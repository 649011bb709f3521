// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/amd_vi.hpp"

#include "kernel/boot/amd_vi_format.hpp"
#include "kernel/boot/pages.hpp"
#include "kernel/hw/control.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/hw/mmio.hpp"
#include "kernel/hw/pci.hpp"

namespace septum::kernel::iommu::amd_vi {

namespace {

using boot::Code;
using boot::Refusal;
using boot::Value;

// The IOMMU's PCI capability (§3.2).
constexpr u32 kCapabilityId = 0x0F;
constexpr u32 kBaseLow = 4;
constexpr u32 kBaseHigh = 8;
constexpr u32 kBaseEnable = 1u << 0;
constexpr u32 kMsiId = 5;

alignas(kPageSize) Order commands[kPageSize / sizeof(Order)];
alignas(8) volatile u64 waited;

class Unit {
public:
    explicit Unit(Hpa registers) : registers_(registers) {}

    [[nodiscard]] u64 features() const { return read(kExtendedFeatures); }

    // Turns it off, whatever firmware has left; the devices are silent.
    [[nodiscard]] Refusal stop() const {
        write(kControl, 0);
        return poll(kCommandsRun | kEventLogRuns, 0, "iommu off");
    }

    // What is on for good, but for the switches themselves.
    void set_up(const manifest::Header& header) const {
        write(kExclusionBase, 0); // no range passes untranslated
        write(kControl, kCoherent | (wide_entries(header.iommu) ? kWideEntries : 0) |
                            (x2apic_destinations(header) ? kX2apicOn : 0));
    }

    void use_device_table(Hpa table) const {
        boot::write_back_caches();
        write(kDeviceTable, table.value | (kDeviceTablePages - 1));
    }

    [[nodiscard]] Refusal use_commands(Hpa page) const {
        turn(kCommandsOn, false);
        SEPTUM_REQUIRE(poll(kCommandsRun, 0, "iommu command buffer off"));
        write(kCommandBuffer, page.value | kOnePageOf16);
        write(kCommandHead, 0);
        write(kCommandTail, 0);
        turn(kCommandsOn, true);
        return poll(kCommandsRun, kCommandsRun, "iommu command buffer on");
    }

    void use_log(Hpa page) const {
        write(kEventLog, page.value | kOnePageOf16);
        write(kEventHead, 0);
        write(kEventTail, 0);
        write(kStatus, kEventOverflow | kEventInterrupt);
        turn(kEventLogOn, true);
    }

    void turn(u64 bits, bool on) const { write(kControl, on ? read(kControl) | bits : read(kControl) & ~bits); }

    // Drops all that the unit remembers, and waits until it is done. Uses the boot part's own command buffer.
    [[nodiscard]] Refusal forget_all() const {
        waited = 0;
        u64 tail = read(kCommandTail) / sizeof(Order);
        const Order both[] = {kForgetAll, wait(Hpa{reinterpret_cast<u64>(&waited)})};
        for (const Order& command : both) {
            commands[tail] = command;
            tail = (tail + 1) % (sizeof commands / sizeof commands[0]);
        }
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        write(kCommandTail, tail * sizeof(Order));
        for (u32 polls = 0; polls < kMaxPolls; polls++) {
            if (waited == kDone) {
                return boot::kHolds;
            }
            hw::pause();
        }
        return {Code::iommu, Value::text("iommu invalidation"), {}, Value::text("done"), Value::text("no answer")};
    }

private:
    [[nodiscard]] u64 read(u64 offset) const { return hw::mmio_read64(registers_ + offset); }
    void write(u64 offset, u64 value) const { hw::mmio_write64(registers_ + offset, value); }

    [[nodiscard]] Refusal poll(u64 mask, u64 expected, const char* what) const {
        for (u32 polls = 0; polls < kMaxPolls; polls++) {
            if ((read(kStatus) & mask) == expected) {
                return boot::kHolds;
            }
            hw::pause();
        }
        return {Code::iommu, Value::text(what), {}, Value::hex(expected), Value::hex(read(kStatus) & mask)};
    }

    Hpa registers_;
};

// Firmware enables the registers and locks their place; if it did not, they are enabled here.
Identity identify(const manifest::Iommu& iommu) {
    Identity found{};
    const u32 at = hw::pci_find_capability(iommu.bdf, kCapabilityId);
    if (at != 0) {
        found.capability = hw::pci_read(iommu.bdf, at, 4);
        const u32 low = hw::pci_read(iommu.bdf, at + kBaseLow, 4);
        found.base = u64{hw::pci_read(iommu.bdf, at + kBaseHigh, 4)} << 32 | (low & ~0x3FFFu);
        if ((low & kBaseEnable) == 0) {
            hw::pci_write(iommu.bdf, at + kBaseLow, 4, low | kBaseEnable);
        }
    }
    found.has_msi = hw::pci_find_capability(iommu.bdf, kMsiId) != 0;
    found.features = Unit(iommu.registers).features();
    return found;
}

} // namespace

Refusal block_all(const manifest::Header& header, Hpa table) {
    const Unit unit(header.iommu.registers);
    SEPTUM_REQUIRE(check_identity(header.iommu, identify(header.iommu)));
    auto* entries = hw::at<u64>(table);
    for (u64 i = 0; i < kDeviceTablePages * kPageSize / sizeof(u64); i++) {
        entries[i] = kBlocked[i % 4];
    }
    SEPTUM_REQUIRE(unit.stop());
    unit.set_up(header);
    unit.use_device_table(table);
    unit.turn(kOn, true);
    SEPTUM_REQUIRE(unit.use_commands(Hpa{reinterpret_cast<u64>(commands)}));
    return unit.forget_all();
}

Refusal use_sealed_tables(const manifest::Header& header) {
    const Unit unit(header.iommu.registers);
    unit.use_device_table(header.iommu.root_table);
    SEPTUM_REQUIRE(unit.forget_all());
    SEPTUM_REQUIRE(unit.use_commands(header.iommu.queue)); // the other page is boot memory
    unit.use_log(header.iommu.log);
    return boot::kHolds;
}

} // namespace septum::kernel::iommu::amd_vi
