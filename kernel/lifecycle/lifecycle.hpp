// SPDX-License-Identifier: Apache-2.0
// How partitions begin, end and begin again; and how CPUs talk about it.
#pragma once

#include "kernel/core/effects.hpp"
#include "kernel/core/exit.hpp"
#include "kernel/log.hpp"
#include "kernel/percpu.hpp"

namespace septum::kernel::lifecycle {

// Scrubs the partition's RAM, copies its sealed payload, hashes it where it lies. A wrong digest halts the system.
void load(PerCpu& cpu);

// A forbidden act of this CPU's guest: one line, then the partition's policy. Returns when there is a guest to enter.
void fault(PerCpu& cpu, const core::Exit& exit, core::Fault fault);

// Closes this CPU's partition, for good or to begin again. Returns when there is a guest to enter.
void close(PerCpu& cpu, core::Intent intent);

// The same, but returns as soon as the partition runs again: then either there is a guest to enter or the vCPU waits for
// SIPI (CpuState::waiting_for_sipi).
void join_closing(PerCpu& cpu, core::Intent intent);

// Reads this CPU's mailbox and does what it says. Returns when there is a guest to enter. `effects.set` has kInject when an
// event is already waiting for the next entry.
void read_mail(PerCpu& cpu, core::Effects& effects);

// Sleeps until the vCPU is started by SIPI, or its partition closes.
void wait_for_sipi(PerCpu& cpu);

// Posts `mail` to vCPUs of the own partition and knocks.
void post(PerCpu& cpu, u64 targets, u32 mail);

// Channel `channel` was rung by its writer.
void ring(PerCpu& cpu, u8 channel);

// For good. What is left on the consoles goes out; an NMI may wake the CPU to be halted with the system.
[[noreturn]] void rest(PerCpu& cpu);

// Stops every CPU. `line` says why.
[[noreturn]] void halt_system(Line& line);

} // namespace septum::kernel::lifecycle
