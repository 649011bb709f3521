// SPDX-License-Identifier: Apache-2.0
// How partitions begin, end and begin again; and how CPUs talk about it.
#pragma once

#include "kernel/core/effects.hpp"
#include "kernel/core/exit.hpp"
#include "kernel/lifecycle/crash_record.hpp"
#include "kernel/log.hpp"
#include "kernel/percpu.hpp"

namespace septum::kernel::lifecycle {

// Scrubs the partition's RAM, copies its sealed payload, hashes it where it lies. A wrong digest halts the system.
void load(PerCpu& cpu);

// A forbidden act of this CPU's guest: one line, then the partition's policy. Returns when there is a guest to enter.
void fault(PerCpu& cpu, const core::Exit& exit, core::Fault fault);

// Begins to close partition `index`, whoever asks: its CPUs are called out of the guest, but for vCPU `except`. Does nothing
// when it does not run: another cause came first.
void begin_closing(const manifest::Header& header, u32 index, manifest::Cause cause, u32 except = ~0u);

// This CPU's partition ends, for good or to begin again, as its answer to `cause` says. Returns when there is a guest to
// enter.
void end(PerCpu& cpu, manifest::Cause cause);

// Takes part in closing this CPU's partition, which another CPU has begun. Returns as soon as the partition runs again: then
// either there is a guest to enter or the vCPU waits for SIPI (CpuState::waiting_for_sipi).
void join_closing(PerCpu& cpu);

// Reads this CPU's mailbox and does what it says. Returns when there is a guest to enter. `effects.set` has kInject when an
// event is already waiting for the next entry.
void read_mail(PerCpu& cpu, core::Effects& effects);

// Sleeps until the vCPU is started by SIPI, or its partition closes.
void wait_for_sipi(PerCpu& cpu);

// Posts `mail` to the vCPUs `targets` of a partition and knocks.
void post(manifest::ApicMode mode, const core::Records<manifest::Cpu>& cpus, u64 targets, u32 mail);

// Channel `channel` was rung by its writer.
void ring(PerCpu& cpu, u8 channel);

// For good. What is left on the consoles goes out; an NMI may wake the CPU to be halted with the system.
[[noreturn]] void rest(PerCpu& cpu);

// Stops every CPU. `line` says why, and the crash record: with `state`, where the kernel itself failed.
[[noreturn]] void halt_system(Line& line, const KernelState* state = nullptr);

} // namespace septum::kernel::lifecycle
