// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/crash_record.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/log.hpp"
#include "kernel/resident.hpp"

namespace septum::kernel::lifecycle {

namespace {

constinit u32 writing = 0;

} // namespace

void record_crash(const Line& reason, const KernelState* state) {
    const manifest::Header* header = boot_facts.manifest;
    const auto* cpu = reinterpret_cast<const PerCpu*>(hw::read_msr(hw::kMsrGsBase));
    if (header == nullptr || header->crash_record.value == 0 || cpu == nullptr ||
        __atomic_exchange_n(&writing, 1u, __ATOMIC_ACQUIRE) != 0) {
        return;
    }
    auto& record = *hw::at<CrashRecord>(header->crash_record);
    hw::scrub(header->crash_record, kPageSize);
    memcpy(&record.manifest, header->manifest_digest.bytes, sizeof record.manifest);
    record.facts = boot_facts.facts;
    record.tsc = hw::read_tsc();
    u32 length = 0;
    reason.for_each([&](char c) { record.reason[length++] = c; });
    memcpy(record.registers, state != nullptr ? state->registers : cpu->state.registers, sizeof record.registers);
    if (state != nullptr) {
        record.rip = state->rip;
        record.rflags = state->rflags;
        record.cr3 = hw::read_cr3();
    } else if (cpu->vmcb != nullptr) {
        record.registers[core::kRsp] = cpu->vmcb->rsp;
        record.rip = cpu->vmcb->rip;
        record.rflags = cpu->vmcb->rflags;
        record.cr3 = cpu->vmcb->cr3;
    }
    record.apic_id = cpu->cpu->apic_id;
    record.newest = cpu->newest_exit;
    memcpy(record.counters, cpu->state.counters, sizeof record.counters);
    memcpy(record.last, cpu->last_exits, sizeof record.last);
    record.checksum = checksum_of(record);
    record.magic = kCrashMagic;
    __atomic_store_n(&writing, 0u, __ATOMIC_RELEASE);
}

} // namespace septum::kernel::lifecycle
