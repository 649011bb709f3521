// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/lifecycle.hpp"

#include "kernel/console/console.hpp"
#include "kernel/hw/control.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/lifecycle/device.hpp"
#include "kernel/lifecycle/event_log.hpp"
#include "kernel/lifecycle/reset.hpp"
#include "kernel/resident.hpp"
#include "kernel/x86_64/apic/local_apic.hpp"
#include "kernel/x86_64/svm/svm.hpp"

namespace septum::kernel::lifecycle {

extern "C" void swallow_nmi();

namespace {

constinit u32 halting = 0;

constexpr u32 kRestRounds = 1000; // of passing text on, till a resting CPU looks for faults and heartbeats again
constexpr u64 kParkSeconds = 5; // a CPU that has not left its guest by then is lost

u64 all_of(u32 count) { return count >= 64 ? ~0ULL : (1ULL << count) - 1; }
u64 all_others(const PerCpu& cpu) { return all_of(cpu.manifest.cpus.count) & ~(1ULL << cpu.state.vcpu); }

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

void log(const PerCpu& cpu, guest::EventKind kind, manifest::Cause cause, u64 count) {
    log_event(kind, cpu.cpu->partition, static_cast<u32>(cause), count, 0);
}

// The guest's own wish is said here; a fault was said when it was met.
const char* wish_of(manifest::Cause cause) {
    return cause == manifest::Cause::shutdown ? "shut itself down" : cause == manifest::Cause::reset ? "reset itself" : nullptr;
}

[[noreturn]] void stay_stopped(PerCpu& cpu, manifest::Cause cause, const char* why) {
    Line line;
    line << "septum: " << cpu.manifest.partition->name << ": stopped";
    if (why != nullptr) {
        line << ": " << why;
    }
    line.send();
    log(cpu, guest::EventKind::stopped, cause, 0);
    reset_hardware(cpu);
    __atomic_store_n(&cpu.partition->phase, u32{core::kStopped}, __ATOMIC_RELEASE);
    rest(cpu);
}

// Old mail is the leader's to clear, once none of the partition's CPUs can post any more.
void clear_mail(const PerCpu& cpu) {
    for (u32 i = 0; i < cpu.manifest.cpus.count; i++) {
        __atomic_fetch_and(&per_cpu(*cpu.manifest.cpus.at(i))->mailbox, u32{core::kMailHalt}, __ATOMIC_ACQ_REL);
    }
}

// This CPU has nothing to be woken by, so it stays awake; the kernel's own events get through.
void pause_for(PerCpu& cpu, u64 milliseconds) {
    const u64 start = hw::read_tsc();
    while (hw::read_tsc() - start < milliseconds * (cpu.manifest.tsc_hz / 1000)) {
        if (__atomic_load_n(&halting, __ATOMIC_ACQUIRE) != 0) {
            rest(cpu);
        }
        swallow_nmi();
        look_for_faults(cpu);
        console::drain();
        hw::pause();
    }
}

// Says what becomes of the partition, and ends it where it ends for good.
void answer(PerCpu& cpu, manifest::Cause cause) {
    core::PartitionState& state = *cpu.partition;
    const manifest::Partition& partition = *cpu.manifest.partition;
    if (partition.on[static_cast<u32>(cause)] != manifest::OnFault::restart) {
        stay_stopped(cpu, cause, wish_of(cause));
    }
    if (cause == manifest::Cause::reset) { // not counted
        say(cpu, "restarts by its own wish");
        log(cpu, guest::EventKind::restarted, cause, state.restarts);
        return;
    }
    if (state.restarts >= partition.restart_limit) {
        stay_stopped(cpu, cause, "no restart left");
    }
    state.restarts++;
    const u64 pause = core::backoff_ms(partition.backoff_ms, state.restarts);
    Line line;
    line << "septum: " << partition.name << ": ";
    if (wish_of(cause) != nullptr) {
        line << wish_of(cause) << ": ";
    }
    line << "restart " << u64{state.restarts} << " of " << u64{partition.restart_limit};
    if (pause != 0) {
        line << " in " << pause << " ms";
    }
    line.send();
    log(cpu, guest::EventKind::restarted, cause, state.restarts);
    pause_for(cpu, pause);
}

// The partition's first CPU, alone with its memory once every other one has parked.
void lead(PerCpu& cpu) {
    core::PartitionState& state = *cpu.partition;
    wait_for_all_parked(cpu);
    clear_mail(cpu); // so that the others sleep
    const manifest::Cause cause = core::closing_cause(__atomic_load_n(&state.phase, __ATOMIC_ACQUIRE));
    if (!quiesce_devices(cpu)) {
        stay_stopped(cpu, cause, nullptr);
    }
    answer(cpu, cause);
    load(cpu);
    if (!restore_devices(cpu)) {
        stay_stopped(cpu, cause, nullptr);
    }
    reset_hardware(cpu); // last: nobody is left who could send this CPU an interrupt of the former life
    clear_mail(cpu);     // of what woke them meanwhile
    for (u64& word : state.rung) {
        __atomic_store_n(&word, 0ULL, __ATOMIC_RELEASE);
    }
    state.uart = {};
    state.pit = {};
    __atomic_store_n(&state.parked, 0u, __ATOMIC_RELEASE);
    __atomic_store_n(&state.phase, u32{core::kRunning}, __ATOMIC_RELEASE);
    const u32 launches = __atomic_add_fetch(&state.launches, 1u, __ATOMIC_ACQ_REL);
    log(cpu, guest::EventKind::launched, cause, launches + 1);
    post(cpu.manifest.apic, cpu.manifest.cpus, all_others(cpu), core::kMailWake);
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
        // Till the leader has cleared the old mail this does not sleep.
        wait_for_event(cpu);
        hw::pause();
    }
    reset_hardware(cpu); // only now: till all had parked, the others could still send interrupts
    cpu.state.waiting_for_sipi = true;
}

} // namespace

void rest(PerCpu& cpu) {
    for (;;) {
        console::offer_help(cpu);
        const bool all_said = console::flush(kRestRounds);
        if (__atomic_load_n(&halting, __ATOMIC_ACQUIRE) != 0) {
            console::flush();
            hw::halt_forever();
        }
        if (!all_said) { // a slow line: who would pass on the rest, if all CPUs slept?
            swallow_nmi();
            look_for_faults(cpu);
            continue;
        }
        __atomic_store_n(&cpu.mailbox, 0u, __ATOMIC_RELEASE);
        wait_for_event(cpu);
    }
}

void begin_closing(const manifest::Header& header, u32 index, manifest::Cause cause, u32 except) {
    const manifest::Partition& partition = records<manifest::Partition>(header, header.partitions).first[index];
    core::PartitionState& state = state_of(partition);
    u32 running = core::kRunning;
    if (__atomic_compare_exchange_n(&state.phase, &running, core::closing_word(cause), false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        const auto cpus = records<manifest::Cpu>(header, header.cpus, {partition.first_cpu, partition.cpu_count});
        post(header.apic, cpus, all_of(cpus.count) & ~(except < 64 ? 1ULL << except : 0), core::kMailPark);
    }
}

void join_closing(PerCpu& cpu) {
    core::PartitionState& state = *cpu.partition;
    if (__atomic_load_n(&halting, __ATOMIC_ACQUIRE) != 0) {
        rest(cpu);
    }
    const u32 launches = __atomic_load_n(&state.launches, __ATOMIC_ACQUIRE);
    if (cpu.state.vcpu == 0) {
        __atomic_add_fetch(&state.parked, 1u, __ATOMIC_ACQ_REL);
        lead(cpu);
    } else {
        follow(cpu, launches);
    }
}

void end(PerCpu& cpu, manifest::Cause cause) {
    if (cpu.manifest.partition->on[static_cast<u32>(cause)] == manifest::OnFault::halt_system) {
        Line line;
        line << "septum: " << cpu.manifest.partition->name << ": " << wish_of(cause) << ": system halted";
        halt_system(line);
    }
    begin_closing(*cpu.header, cpu.cpu->partition, cause, cpu.state.vcpu);
    join_closing(cpu);
    if (cpu.state.waiting_for_sipi) {
        wait_for_sipi(cpu);
    }
}

void halt_system(Line& line, const KernelState* state) {
    const bool first = __atomic_exchange_n(&halting, 1u, __ATOMIC_ACQ_REL) == 0;
    const manifest::Header* header = boot_facts.manifest;
    if (first && header != nullptr) {
        log_event(guest::EventKind::halted, manifest::kNobody, 0, 0, 0);
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
        record_crash(line, state);
        console::flush();
        line.send_now();
    }
    hw::halt_forever();
}

} // namespace septum::kernel::lifecycle
