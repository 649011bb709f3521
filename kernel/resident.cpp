// SPDX-License-Identifier: Apache-2.0
// The kernel that stays: each CPU puts on the sealed tables, the partitions are loaded side by side, and when all is in
// order the guests are entered.
#include "kernel/resident.hpp"

#include "kernel/hw/control.hpp"
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

// How many CPUs have come to each point; nobody passes before all have.
constinit u32 arrived = 0;
constinit u32 prepared = 0;

void meet(u32& counter, u32 all) {
    __atomic_add_fetch(&counter, 1u, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&counter, __ATOMIC_ACQUIRE) != all) {
        hw::pause();
    }
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

extern "C" void resident_main(PerCpu* own) {
    PerCpu& cpu = *own;
    const manifest::Header& header = *cpu.header;
    hw::write_cr3(header.kernel_page_tables.value);
    cpu::load_tables(cpu);
    svm::setup(cpu);
    meet(arrived, header.cpus.count);
    if (cpu.index == 0) {
        iommu::listen(header); // every CPU can take an NMI now
    }

    if (cpu.partition == nullptr) { // nobody's: it sleeps until the system halts
        meet(prepared, header.cpus.count);
        lifecycle::rest(cpu);
    }
    // Every partition's first CPU loads it; nobody is entered before all are as they were sealed.
    if (cpu.state.vcpu == 0) {
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
