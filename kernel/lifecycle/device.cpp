// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/device.hpp"

#include "kernel/core/device_state.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/hw/port.hpp"
#include "kernel/lifecycle/device_reset.hpp"
#include "kernel/lifecycle/lifecycle.hpp"
#include "kernel/lifecycle/watchdog.hpp"
#include "kernel/x86_64/iommu/iommu.hpp"

namespace septum::kernel::lifecycle {

extern "C" void wait_for_knock(const u32* mailbox);

namespace {

using manifest::Device;
using manifest::ResetKind;

bool is_real(const Device& device) { return device.bdf != manifest::kNobody; }

// A bridge is reset once for all that is behind it.
bool begins_own_reset(const core::Records<Device>& devices, u32 index) {
    const Device& device = devices.first[index];
    for (u32 i = 0; i < index && device.reset == ResetKind::bus; i++) {
        if (devices.first[i].reset == ResetKind::bus && devices.first[i].bridge == device.bridge) {
            return false;
        }
    }
    return device.reset != ResetKind::none;
}

bool complain(const PerCpu& cpu, const Device& device, const char* what) {
    Line line;
    line << "septum: " << cpu.manifest.partition->name << ": `" << device.name << "` " << what;
    line.send();
    return false;
}

} // namespace

bool quiesce_devices(PerCpu& cpu) {
    const u64 hz = cpu.manifest.tsc_hz;
    const auto devices = records<Device>(*cpu.header, cpu.header->devices, cpu.manifest.partition->devices);
    for (u32 i = 0; i < devices.count; i++) {
        if (is_real(devices.first[i])) {
            iommu::block(*cpu.header, devices.first[i]); // first: what a function does from here on reaches nothing
            silence_device(devices.first[i], hz);
        }
    }
    bool waits = false;
    for (u32 i = 0; i < devices.count; i++) {
        if (begins_own_reset(devices, i)) {
            begin_reset(devices.first[i], hz);
            waits = true;
        }
    }
    if (waits) {
        wait_ms(kResetMs, hz);
    }
    bool all_back = true;
    for (u32 i = 0; i < devices.count; i++) {
        if (is_real(devices.first[i]) && !comes_back(devices.first[i], hz)) {
            all_back = complain(cpu, devices.first[i], "does not come back from its reset");
        }
    }
    return all_back;
}

bool restore_devices(PerCpu& cpu) {
    const auto devices = records<Device>(*cpu.header, cpu.header->devices, cpu.manifest.partition->devices);
    bool all_stay = true;
    for (u32 i = 0; i < devices.count; i++) {
        const Device& device = devices.first[i];
        if (is_real(device)) {
            const auto bars = records<manifest::Bar>(*cpu.header, cpu.header->bars, device.bars);
            core::reset_device_state(bars.first, bars.count, *hw::at<core::DeviceState>(device.block));
            if (program_device(device, bars.first)) {
                iommu::unblock(*cpu.header, device);
            } else {
                all_stay = complain(cpu, device, "does not take its base address");
            }
        }
    }
    return all_stay;
}

void look_for_faults(const PerCpu& cpu) {
    // SERR# and IOCHK# come as NMI and say so here (Intel ICH9 data sheet §13.7.1); any other NMI is a knock.
    constexpr u16 kSystemControl = 0x61;
    constexpr u32 kErrors = 0xC0;
    if (const u32 errors = hw::in8(kSystemControl) & kErrors; errors != 0) {
        Line line;
        line << "septum: halted: the machine reports an error by NMI, port 0x61 has " << Hex{errors};
        halt_system(line);
    }
    const manifest::Iommu& iommu = cpu.header->iommu;
    if (iommu.kind != manifest::IommuKind::none && cpu.cpu->apic_id == iommu.fault_apic_id) {
        iommu::report_faults(*cpu.header);
    }
    look_at_heartbeats(cpu);
}

void wait_for_event(PerCpu& cpu) {
    wait_for_knock(&cpu.mailbox);
    look_for_faults(cpu);
}

} // namespace septum::kernel::lifecycle
