// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/wiring.hpp"

#include "kernel/boot/cpuid_table.hpp"
#include "kernel/boot/interrupt_table.hpp"
#include "kernel/console/console.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/lifecycle/event_log.hpp"
#include "kernel/percpu.hpp"
#include "kernel/resident.hpp"

namespace septum::kernel::boot {

namespace {

void introduce(PerCpu& cpu, const manifest::Header& header, u32 index) {
    const auto cpus = kernel::records<manifest::Cpu>(header, header.cpus);
    cpu.header = &header;
    cpu.index = index;
    cpu.cpu = cpus.first + index;
    const u64 block = cpu.cpu->block.value;
    cpu.vmcb = hw::at<svm::Vmcb>(Hpa{block + layout::CpuBlock::kVmcb});
    cpu.vmcb_pa = block + layout::CpuBlock::kVmcb;
    cpu.host_vmcb_pa = block + layout::CpuBlock::kHostVmcb;
    cpu.stack = block + layout::CpuBlock::kStackTop - 16;
    cpu.manifest.apic = header.apic;
    cpu.manifest.tsc_hz = boot_facts.tsc_hz;
    if (cpu.cpu->partition == manifest::kNobody) {
        return;
    }
    const manifest::Partition& partition =
        kernel::records<manifest::Partition>(header, header.partitions).first[cpu.cpu->partition];
    cpu.manifest.partition = &partition;
    cpu.manifest.partition_index = cpu.cpu->partition;
    cpu.manifest.cpus = {cpus.first + partition.first_cpu, partition.cpu_count};
    cpu.manifest.ports = kernel::records<manifest::PortRule>(header, header.ports, partition.ports);
    cpu.manifest.msrs = kernel::records<manifest::MsrRule>(header, header.msrs, partition.msrs);
    cpu.manifest.has_heartbeat = partition.heartbeat_ms != 0;
    cpu.manifest.channels = kernel::records<manifest::Channel>(header, header.channels);
    cpu.manifest.devices = kernel::records<manifest::Device>(header, header.devices, partition.devices);
    cpu.manifest.bars = kernel::records<manifest::Bar>(header, header.bars);
    cpu.manifest.pci_registers = kernel::records<manifest::PciRegister>(header, header.pci_registers);
    if (cpu.manifest.devices.count > 1) { // one behind the other, checked at boot
        const Hpa first = cpu.manifest.devices.first[1].block;
        cpu.manifest.device_states = {reinterpret_cast<core::DeviceState*>(first.value), cpu.manifest.devices.count - 1};
    }
    cpu.regions = kernel::records<manifest::Region>(header, header.regions, partition.regions);
    cpu.manifest.cpuid =
        reinterpret_cast<const core::CpuidTable*>(partition.block.value + layout::PartitionBlock::kCpuid);
    cpu.partition = &state_of(partition);
    if (partition.console != 0) {
        cpu.console = reinterpret_cast<core::ConsoleRing*>(partition.block.value + layout::PartitionBlock::kConsole);
    }
    cpu.state.vcpu = cpu.cpu->vcpu;
    cpu.state.apic_id = cpu.cpu->apic_id;
}

void wire_console(const manifest::Header& header) {
    const auto partitions = kernel::records<manifest::Partition>(header, header.partitions);
    core::ConsoleMux& mux = console::mux;
    for (u32 i = 0; i < partitions.count && i < manifest::kMaxPartitions; i++) {
        const manifest::Partition& partition = partitions.first[i];
        const Hpa ring = partition.block + layout::PartitionBlock::kConsole;
        mux.rings[i] = partition.console != 0 ? hw::at<core::ConsoleRing>(ring) : nullptr;
        mux.names[i] = partition.name;
    }
    mux.rings[partitions.count] = &console::kernel_ring; // behind them; it has no name
    mux.sources = partitions.count + 1;
    mux.current = partitions.count;
    mux.patience = boot_facts.tsc_hz / 2; // 500 ms: an emulated CPU may be kept from going on for a while
}

void reset_devices(const manifest::Header& header, const manifest::Partition& partition) {
    const auto devices = kernel::records<manifest::Device>(header, header.devices, partition.devices);
    for (u32 i = 1; i < devices.count; i++) { // the virtual host bridge, the first, remembers nothing
        const manifest::Device& device = devices.first[i];
        const auto bars = kernel::records<manifest::Bar>(header, header.bars, device.bars);
        core::reset_device_state(bars.first, bars.count, *hw::at<core::DeviceState>(device.block));
    }
}

// Clears the log and writes its head, before anything is logged.
void start_event_log(const manifest::Range& place) {
    if (place.size == 0) {
        return;
    }
    hw::scrub(place.base, place.size);
    auto& log = *hw::at<guest::EventLog>(place.base);
    log.tsc_hz = boot_facts.tsc_hz;
    log.capacity = lifecycle::event_capacity(place);
    __atomic_store_n(&log.magic, guest::kEventLogMagic, __ATOMIC_RELEASE);
}

} // namespace

void wire(const manifest::Header& header) {
    const auto cpus = kernel::records<manifest::Cpu>(header, header.cpus);
    for (u32 i = 0; i < cpus.count; i++) {
        introduce(*per_cpu(cpus.first[i]), header, i);
    }
    const auto partitions = kernel::records<manifest::Partition>(header, header.partitions);
    for (u32 i = 0; i < partitions.count; i++) {
        fill_cpuid(header, partitions.first[i]);
        reset_devices(header, partitions.first[i]);
    }
    fill_idt(header.apic);
    wire_console(header);
    start_event_log(header.event_log);
}

} // namespace septum::kernel::boot
