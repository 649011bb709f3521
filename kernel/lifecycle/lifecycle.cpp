// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/lifecycle.hpp"

#include "kernel/console/console.hpp"
#include "kernel/hw/control.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/lifecycle/device.hpp"
#include "kernel/lifecycle/reset.hpp"
#include "kernel/resident.hpp"
#include "kernel/x86_64/apic/local_apic.hpp"
#include "kernel/x86_64/svm/svm.hpp"

namespace septum::kernel::lifecycle {

namespace {

constinit u32 halting = 0;

constexpr u64 kParkSeconds = 5; // a CPU that has not left its guest by then is lost

u64 all_others(const PerCpu& cpu) {
    const u32 count = cpu.manifest.cpus.count;
    const u64 all = count >= 64 ? ~0ULL : (1ULL << count) - 1;
    return all & ~(1ULL << cpu.state.vcpu);
}

void say(const PerCpu& cpu, const char* what) {
    Line line;
    line << "septum: " << cpu.manifest.partition->name << ": " << what;
    line.send();
}

void wait_for_all_parked(PerCpu& cpu) {
    const u64 start = hw::read_tsc();
    while (__atomic_load_n(&cpu.partition->parked, __ATOMIC_ACQUIRE) != cpu.manifest.cpus.count) {
        if (__atomic_load_n(&halting, __ATOMIC_ACQUIRE) != 0) {
            rest(cpu);
        }
        if (hw::read_tsc() - start > kParkSeconds * cpu.manifest.tsc_hz) {
            Line line;
            line << "septum: halted: a cpu of " << cpu.manifest.partition->name << " does not come back";
            halt_system(line);
        }
        hw::pause();
    }
}

bool begins_again(PerCpu& cpu, bool devices_quiet) {
    core::PartitionState& state = *cpu.partition;
    const manifest::Partition& partition = *cpu.manifest.partition;
    const u32 intent = __atomic_load_n(&state.intent, __ATOMIC_ACQUIRE);
    if (!devices_quiet) {
        say(cpu, "stopped");
        return false;
    }
    if (intent == core::kIntentRestart) {
        say(cpu, "restarts by its own wish");
        return true;
    }
    if (intent != core::kIntentFaultRestart) {
        say(cpu, "stopped");
        return false;
    }
    if (state.restarts >= partition.restart_limit) {
        say(cpu, "stopped: no restart left");
        return false;
    }
    state.restarts++;
    Line line;
    line << "septum: " << partition.name << ": restart " << u64{state.restarts} << " of " << u64{partition.restart_limit};
    line.send();
    return true;
}

[[noreturn]] void stay_stopped(PerCpu& cpu) {
    reset_hardware(cpu);
    __atomic_store_n(&cpu.partition->phase, u32{core::kStopped}, __ATOMIC_RELEASE);
    rest(cpu);
}

// The partition's first CPU, alone with its memory once every other one has parked.
void lead(PerCpu& cpu) {
    core::PartitionState& state = *cpu.partition;
    wait_for_all_parked(cpu);
    const bool quiet = quiesce_devices(cpu);
    if (!begins_again(cpu, quiet)) {
        stay_stopped(cpu);
    }
    load(cpu);
    if (!restore_devices(cpu)) {
        say(cpu, "stopped");
        stay_stopped(cpu);
    }
    reset_hardware(cpu); // last: nobody is left who could send this CPU an interrupt of the former life
    for (u32 i = 0; i < cpu.manifest.cpus.count; i++) { // mail of the former life
        __atomic_fetch_and(&per_cpu(*cpu.manifest.cpus.at(i))->mailbox, u32{core::kMailHalt}, __ATOMIC_ACQ_REL);
    }
    for (u64& word : state.rung) {
        __atomic_store_n(&word, 0ULL, __ATOMIC_RELEASE);
    }
    state.uart = {};
    __atomic_store_n(&state.parked, 0u, __ATOMIC_RELEASE);
    __atomic_store_n(&state.phase, u32{core::kRunning}, __ATOMIC_RELEASE);
    const u32 launches = __atomic_add_fetch(&state.launches, 1u, __ATOMIC_ACQ_REL);
    post(cpu, all_others(cpu), core::kMailWake);
    svm::reset_boot(cpu, launches);
}

// Any other CPU of it: waits for the leader, then for the new life to start it.
void follow(PerCpu& cpu, u32 launches) {
    apic::quiesce(cpu.manifest.apic);
    __atomic_add_fetch(&cpu.partition->parked, 1u, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&cpu.partition->launches, __ATOMIC_ACQUIRE) == launches) {
        if (__atomic_load_n(&cpu.partition->phase, __ATOMIC_ACQUIRE) == core::kStopped ||
            __atomic_load_n(&halting, __ATOMIC_ACQUIRE) != 0) {
            rest(cpu);
        }
        // Old mail is the leader's to clear, so that none of the new life's is lost; till then this does not sleep.
        wait_for_event(cpu);
        hw::pause();
    }
    reset_hardware(cpu); // only now: till all had parked, the others could still send interrupts
    cpu.state.waiting_for_sipi = true;
}

} // namespace

void rest(PerCpu& cpu) {
    for (;;) {
        const bool all_said = console::flush();
        if (__atomic_load_n(&halting, __ATOMIC_ACQUIRE) != 0) {
            hw::halt_forever();
        }
        if (!all_said) {
            continue; // a slow line: who would pass on the rest, if all CPUs slept?
        }
        __atomic_store_n(&cpu.mailbox, 0u, __ATOMIC_RELEASE);
        wait_for_event(cpu);
    }
}

void join_closing(PerCpu& cpu, core::Intent intent) {
    core::PartitionState& state = *cpu.partition;
    if (__atomic_load_n(&halting, __ATOMIC_ACQUIRE) != 0) {
        rest(cpu);
    }
    const u32 launches = __atomic_load_n(&state.launches, __ATOMIC_ACQUIRE);
    u32 running = core::kRunning;
    if (__atomic_compare_exchange_n(&state.phase, &running, u32{core::kClosing}, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&state.intent, u32{intent}, __ATOMIC_RELEASE);
        post(cpu, all_others(cpu), core::kMailPark);
    }
    if (cpu.state.vcpu == 0) {
        __atomic_add_fetch(&state.parked, 1u, __ATOMIC_ACQ_REL);
        lead(cpu);
    } else {
        follow(cpu, launches);
    }
}

void close(PerCpu& cpu, core::Intent intent) {
    join_closing(cpu, intent);
    if (cpu.state.waiting_for_sipi) {
        wait_for_sipi(cpu);
    }
}

void halt_system(Line& line) {
    const bool first = __atomic_exchange_n(&halting, 1u, __ATOMIC_ACQ_REL) == 0;
    const manifest::Header* header = boot_facts.manifest;
    if (first && header != nullptr) {
        const auto cpus = records<manifest::Cpu>(*header, header->cpus);
        const u32 self = apic::self(header->apic);
        for (u32 i = 0; i < cpus.count; i++) {
            if (cpus.first[i].apic_id != self) {
                __atomic_fetch_or(&per_cpu(cpus.first[i])->mailbox, u32{core::kMailHalt}, __ATOMIC_ACQ_REL);
                apic::send(header->apic, cpus.first[i].apic_id, apic::kDeliverNmi);
            }
        }
    }
    if (first) {
        console::flush();
        line.send_now();
    }
    hw::halt_forever();
}

} // namespace septum::kernel::lifecycle
