// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/device.hpp"

#include "kernel/x86_64/iommu/iommu.hpp"

namespace septum::kernel::lifecycle {

extern "C" void wait_for_knock(const u32* mailbox);

void look_for_faults(const PerCpu& cpu) {
    const manifest::Iommu& iommu = cpu.header->iommu;
    if (iommu.kind != manifest::IommuKind::none && cpu.cpu->apic_id == iommu.fault_apic_id) {
        iommu::report_faults(*cpu.header);
    }
}

void wait_for_event(PerCpu& cpu) {
    wait_for_knock(&cpu.mailbox);
    look_for_faults(cpu);
}

} // namespace septum::kernel::lifecycle
