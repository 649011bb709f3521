// SPDX-License-Identifier: Apache-2.0
// The kernel that stays: each CPU puts on the sealed tables, the partitions are loaded side by side, and when all is in
// order the guests are entered.
#include "kernel/resident.hpp"

#include "kernel/console/console.hpp"
#include "kernel/core/device.hpp"
#include "kernel/hw/control.hpp"
#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/lifecycle/cpuid_table.hpp"
#include "kernel/lifecycle/event_log.hpp"
#include "kernel/lifecycle/lifecycle.hpp"
#include "kernel/lifecycle/reset.hpp"
#include "kernel/lifecycle/watchdog.hpp"
#include "kernel/percpu.hpp"
#include "kernel/x86_64/cpu/tables.hpp"
#include "kernel/x86_64/iommu/iommu.hpp"
#include "kernel/x86_64/svm/svm.hpp"

namespace septum::kernel {

namespace {

// APM 2 §3.1.1, §3.1.3.
constexpr u64 kCr0 = 0x8001'0033;       // PG, WP, NE, ET, MP, PE: write protection counts for the kernel too
constexpr u64 kCr4 = 1u << 5 | 1u << 6 | 3u << 9; // PAE, MCE (else a machine check is a silent reset), OSFXSR, OSXMMEXCPT
constexpr u64 kCr4Osxsave = 1u << 18;
constexpr u32 kXsave = 1u << 26;        // CPUID 1 ECX

// How many CPUs have come to each point; nobody passes before all have.
constinit u32 arrived = 0;
constinit u32 prepared = 0;
constinit u32 tables_filled = 0;

void meet(u32& counter, u32 all) {
    __atomic_add_fetch(&counter, 1u, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&counter, __ATOMIC_ACQUIRE) != all) {
        hw::pause();
    }
}

// The first CPU wires what all share.
void prepare_shared(const manifest::Header& header) {
    cpu::fill_idt(header.apic);
    const auto partitions = records<manifest::Partition>(header, header.partitions);
    for (u32 i = 0; i < partitions.count; i++) {
        const manifest::Partition& partition = partitions.first[i];
        auto* ring = reinterpret_cast<core::ConsoleRing*>(partition.block.value + layout::PartitionBlock::kConsole);
        console::attach(i, partition.console != 0 ? ring : nullptr, partition.name);
    }
    console::start(partitions.count, boot_facts.tsc_hz);
    lifecycle::start_event_log();
    __atomic_store_n(&tables_filled, 1u, __ATOMIC_RELEASE);
}

void introduce(PerCpu& cpu, const manifest::Header& header, u32 index) {
    const auto cpus = records<manifest::Cpu>(header, header.cpus);
    cpu.header = &header;
    cpu.index = index;
    cpu.cpu = cpus.first + index;
    cpu.manifest.apic = header.apic;
    cpu.manifest.tsc_hz = boot_facts.tsc_hz;
    if (cpu.cpu->partition == manifest::kNobody) {
        return;
    }
    const manifest::Partition& partition =
        records<manifest::Partition>(header, header.partitions).first[cpu.cpu->partition];
    cpu.manifest.partition = &partition;
    cpu.manifest.partition_index = cpu.cpu->partition;
    cpu.manifest.cpus = {cpus.first + partition.first_cpu, partition.cpu_count};
    cpu.manifest.ports = records<manifest::PortRule>(header, header.ports, partition.ports);
    cpu.manifest.msrs = records<manifest::MsrRule>(header, header.msrs, partition.msrs);
    cpu.manifest.has_heartbeat = partition.heartbeat_ms != 0;
    cpu.manifest.channels = records<manifest::Channel>(header, header.channels);
    cpu.manifest.devices = records<manifest::Device>(header, header.devices, partition.devices);
    cpu.manifest.bars = records<manifest::Bar>(header, header.bars);
    cpu.manifest.pci_registers = records<manifest::PciRegister>(header, header.pci_registers);
    if (cpu.manifest.devices.count > 1) { // one behind the other, checked at boot
        const Hpa first = cpu.manifest.devices.first[1].block;
        cpu.manifest.device_states = {reinterpret_cast<core::DeviceState*>(first.value), cpu.manifest.devices.count - 1};
    }
    cpu.regions = records<manifest::Region>(header, header.regions, partition.regions);
    cpu.manifest.cpuid =
        reinterpret_cast<const core::CpuidTable*>(partition.block.value + layout::PartitionBlock::kCpuid);
    cpu.partition = &state_of(partition);
    if (partition.console != 0) {
        cpu.console = reinterpret_cast<core::ConsoleRing*>(partition.block.value + layout::PartitionBlock::kConsole);
    }
    cpu.state.vcpu = cpu.cpu->vcpu;
    cpu.state.apic_id = cpu.cpu->apic_id;
}

void announce(const manifest::Header& header, const manifest::Partition& partition, u16 index) {
    u64 memory = 0;
    const auto regions = records<manifest::Region>(header, header.regions, partition.regions);
    for (u32 i = 0; i < regions.count; i++) {
        memory += regions.first[i].kind == manifest::RegionKind::ram ? regions.first[i].size : 0;
    }
    Line line;
    line << "septum: " << partition.name << ": launched, " << u64{partition.cpu_count}
         << (partition.cpu_count == 1 ? " cpu, " : " cpus, ") << memory / kMiB << " MiB";
    line.send();
    lifecycle::log_event(guest::EventKind::launched, index, 0, 1, 0);
}

} // namespace

extern "C" void resident_main(const BootFacts* facts, u32 cpu_index) {
    const manifest::Header& header = *facts->manifest;
    PerCpu& cpu = *per_cpu(records<manifest::Cpu>(header, header.cpus).first[cpu_index]);
    introduce(cpu, header, cpu_index);

    hw::write_cr3(header.kernel_page_tables.value);
    hw::write_cr0(kCr0);
    hw::write_cr4((hw::cpuid(1).registers[2] & kXsave) != 0 ? kCr4 | kCr4Osxsave : kCr4);
    if (cpu_index == 0) {
        prepare_shared(header);
    }
    while (__atomic_load_n(&tables_filled, __ATOMIC_ACQUIRE) == 0) {
        hw::pause();
    }
    cpu::load_tables(cpu);
    svm::setup(cpu);
    meet(arrived, header.cpus.count);
    if (cpu_index == 0) {
        iommu::listen(header); // every CPU can take an NMI now
    }

    if (cpu.partition == nullptr) { // nobody's: it sleeps until the system halts
        meet(prepared, header.cpus.count);
        lifecycle::rest(cpu);
    }
    // Every partition's first CPU loads it; nobody is entered before all are as they were sealed.
    if (cpu.state.vcpu == 0) {
        lifecycle::fill_cpuid(cpu);
        core::reset_device_states(cpu.manifest);
        lifecycle::load(cpu);
        __atomic_store_n(&cpu.partition->phase, u32{core::kRunning}, __ATOMIC_RELEASE);
    }
    lifecycle::reset_hardware(cpu);
    meet(prepared, header.cpus.count);

    if (cpu.state.vcpu == 0) {
        if (cpu.cpu->partition == 0) {
            lifecycle::start_watchdog(header);
        }
        announce(header, *cpu.manifest.partition, cpu.cpu->partition);
        svm::reset_boot(cpu, 0);
    } else {
        lifecycle::wait_for_sipi(cpu);
    }
    svm::svm_enter(&cpu);
}

} // namespace septum::kernel
