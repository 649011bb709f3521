// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/decide.hpp"
#include "kernel/lifecycle/device.hpp"
#include "kernel/lifecycle/lifecycle.hpp"
#include "kernel/lifecycle/reset.hpp"
#include "kernel/x86_64/apic/local_apic.hpp"
#include "kernel/x86_64/svm/svm.hpp"

namespace septum::kernel::lifecycle {

namespace {

// A call to park is dropped while the partition runs: whoever posted it, a CPU of another partition, was slower than the closing that
// it is about and the launch after it.
u32 take_mail(PerCpu& cpu) {
    const u32 mail = __atomic_exchange_n(&cpu.mailbox, 0u, __ATOMIC_ACQ_REL);
    const bool runs = __atomic_load_n(&cpu.partition->phase, __ATOMIC_ACQUIRE) == core::kRunning;
    return runs ? mail & ~u32{core::kMailPark} : mail;
}

} // namespace

void post(manifest::ApicMode mode, const core::Records<manifest::Cpu>& cpus, u64 targets, u32 mail) {
    while (targets != 0) {
        const u32 vcpu = static_cast<u32>(__builtin_ctzll(targets));
        targets &= targets - 1;
        const manifest::Cpu* target = cpus.at(vcpu);
        if (target != nullptr) {
            u32& mailbox = per_cpu(*target)->mailbox;
            u32 before = __atomic_load_n(&mailbox, __ATOMIC_RELAXED);
            while (!__atomic_compare_exchange_n(&mailbox, &before, core::add_mail(before, mail), false, __ATOMIC_ACQ_REL,
                                                __ATOMIC_RELAXED)) {
            }
            apic::send(mode, target->apic_id, apic::kDeliverNmi);
        }
    }
}

void ring(PerCpu& cpu, u8 channel) {
    const manifest::Channel* bell = cpu.manifest.channels.at(channel);
    const auto partitions = records<manifest::Partition>(*cpu.header, cpu.header->partitions);
    const manifest::Partition* reader = bell == nullptr ? nullptr : partitions.at(bell->reader);
    if (reader == nullptr) {
        return;
    }
    core::PartitionState* const state = &state_of(*reader);
    __atomic_fetch_or(&state->rung[channel / 64], 1ULL << (channel % 64), __ATOMIC_ACQ_REL);
    const manifest::Cpu* target = records<manifest::Cpu>(*cpu.header, cpu.header->cpus).at(bell->reader_cpu);
    if (bell->vector != 0 && target != nullptr &&
        __atomic_load_n(&state->phase, __ATOMIC_ACQUIRE) == core::kRunning) {
        apic::send(cpu.manifest.apic, target->apic_id, apic::kDeliverFixed | bell->vector);
    }
}

void read_mail(PerCpu& cpu, core::Effects& effects) {
    core::decide_mail(cpu.state, take_mail(cpu), effects);
    if ((effects.set & core::kPark) != 0) {
        join_closing(cpu);
        if (cpu.state.waiting_for_sipi) {
            wait_for_sipi(cpu);
        }
        return;
    }
    svm::apply_mail(cpu, effects);
    if ((effects.set & core::kWaitForSipi) != 0) {
        reset_by_init(cpu);
    }
    if ((effects.set & core::kStart) != 0) {
        svm::reset_startup(cpu, effects.vector);
    } else if ((effects.set & core::kWaitForSipi) != 0) {
        wait_for_sipi(cpu);
    }
}

// A loop, never a recursion: a guest may close its partition any number of times without ever starting this vCPU.
void wait_for_sipi(PerCpu& cpu) {
    cpu.state.waiting_for_sipi = true;
    while (cpu.state.waiting_for_sipi) {
        wait_for_event(cpu);
        core::Effects effects;
        core::decide_mail(cpu.state, take_mail(cpu), effects);
        if ((effects.set & core::kPark) != 0) {
            join_closing(cpu);
            continue;
        }
        if ((effects.set & core::kStart) != 0) {
            svm::reset_startup(cpu, effects.vector);
        }
    }
}

} // namespace septum::kernel::lifecycle
