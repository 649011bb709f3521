// SPDX-License-Identifier: Apache-2.0
#include "kernel/x86_64/svm/svm.hpp"

#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/hw/msr.hpp"

namespace septum::kernel::svm {

// What run.S knows by number.
static_assert(offsetof(PerCpu, state) == 0 && offsetof(core::CpuState, registers) == 0);
static_assert(offsetof(PerCpu, vmcb_pa) == 0x1E0 && offsetof(PerCpu, host_vmcb_pa) == 0x1E8 && offsetof(PerCpu, stack) == 0x1F0);

namespace {

constexpr u8 kFlushAll = 1;       // TLB_CONTROL (APM 2 §15.16.2)

void load_template(PerCpu& cpu, Hpa source) {
    memcpy(cpu.vmcb, hw::at<const void>(source), kPageSize);
    cpu.vmcb->tlb_control = kFlushAll;
    for (u64& value : cpu.state.registers) {
        value = 0;
    }
    cpu.state.nmi_pending = false;
    cpu.state.nmi_blocked = false;
    cpu.state.nmi_leaving = false;
    cpu.state.loop_count = 0;
    cpu.state.icr = 0;
}

} // namespace

void setup(PerCpu& cpu) {
    hw::write_msr(hw::kMsrEfer, hw::read_msr(hw::kMsrEfer) | hw::kEferSvme);
    hw::write_msr(hw::kMsrVmHsavePa, cpu.cpu->block.value + layout::CpuBlock::kHostSave);
    asm volatile("clgi" ::: "memory");
    asm volatile("vmsave %%rax" : : "a"(cpu.host_vmcb_pa) : "memory");
}

void reset_boot(PerCpu& cpu, u32 launches) {
    const manifest::Partition& partition = *cpu.manifest.partition;
    load_template(cpu, partition.vmcb_boot);
    cpu.state.waiting_for_sipi = false;
    cpu.state.registers[core::kRdi] = partition.entry_rdi;
    cpu.state.registers[core::kRsi] = partition.entry_rsi;
    cpu.state.registers[core::kRbx] = partition.entry_rbx;
    cpu.state.registers[core::kRdx] = launches;
}

void reset_startup(PerCpu& cpu, u8 sipi_vector) {
    load_template(cpu, cpu.manifest.partition->vmcb_ap);
    cpu.state.waiting_for_sipi = false;
    cpu.state.registers[core::kRdx] = hw::cpuid(1).registers[0]; // family, model, stepping after INIT (APM 2 table 14-1)
    cpu.vmcb->cs.selector = static_cast<u16>(sipi_vector << 8);
    cpu.vmcb->cs.base = u64{sipi_vector} << 12;
    cpu.vmcb->rip = 0;
}

} // namespace septum::kernel::svm
