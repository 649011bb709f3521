// SPDX-License-Identifier: Apache-2.0
// The kernel's judgement, and all of it: from an exit, or from mail of another CPU, to effects. Pure: it reads the sealed
// manifest, its own CPU's state, its partition's few shared fields and the exit, and touches nothing else. Every loop has a
// constant bound; no recursion, no heap, no function pointers.
#pragma once

#include "kernel/core/effects.hpp"
#include "kernel/core/exit.hpp"
#include "kernel/core/state.hpp"

namespace septum::kernel::core {

// An exit of the guest. Register results are in `cpu.registers` afterwards.
void decide(const Manifest& manifest, CpuState& cpu, PartitionState& partition, const Exit& exit, Effects& effects);

// Mail that other CPUs have posted (Mail bits; the SIPI vector in bits 15:8), before the next entry.
void decide_mail(CpuState& cpu, u32 mail, Effects& effects);

// Of decide() all that is not in a part of its own.
void decide_rare(CpuState& cpu, const Exit& exit, Effects& effects);

// The parts of decide(), each in a file of its own.
void answer_cpuid(const Manifest& manifest, CpuState& cpu, Effects& effects);
void answer_hypercall(const Manifest& manifest, CpuState& cpu, PartitionState& partition, const Exit& exit,
                      Effects& effects);
void answer_port(const Manifest& manifest, CpuState& cpu, PartitionState& partition, const Exit& exit, Effects& effects);
void answer_msr(const Manifest& manifest, CpuState& cpu, const Exit& exit, Effects& effects);
void answer_apic_read(const Manifest& manifest, CpuState& cpu, u32 index, Effects& effects);
void answer_apic_write(const Manifest& manifest, CpuState& cpu, u32 index, u64 value, Effects& effects);

void answer_memory(const Manifest& manifest, CpuState& cpu, const Exit& exit, Effects& effects);

// Rings channel `channel` if `partition_index` is its writer and it has a bell.
bool ring(const Manifest& manifest, u32 channel, Effects& effects);
// The lowest rung channel of this partition, taken out of its set; 0xFF when there is none.
u8 take_rung(PartitionState& partition);

// Exceptions a guest gets (APM 2 §8.2).
inline constexpr u8 kVectorDebug = 1;
inline constexpr u8 kVectorNmi = 2;
inline constexpr u8 kVectorInvalidOpcode = 6;
inline constexpr u8 kVectorProtection = 13;
inline constexpr u8 kVectorAlignment = 17;
inline constexpr u8 kTypeNmi = 2;
inline constexpr u8 kTypeException = 3;

inline void inject_exception(Effects& effects, u8 vector) {
    effects.set |= kInject;
    effects.inject = {.vector = vector,
                      .type = kTypeException,
                      .has_error = vector == kVectorProtection || vector == kVectorAlignment,
                      .error = 0};
}

inline void forbid(Effects& effects, Fault fault) {
    effects.set |= kFault;
    effects.fault = fault;
}

} // namespace septum::kernel::core
