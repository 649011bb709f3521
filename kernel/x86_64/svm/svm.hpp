// SPDX-License-Identifier: Apache-2.0
// AMD SVM behind the kernel's one idea of a virtual CPU.
#pragma once

#include "kernel/core/effects.hpp"
#include "kernel/percpu.hpp"

namespace septum::kernel::svm {

// Turns SVM on for this CPU (APM 2 §15.4) and saves the kernel's own hidden state for VMLOAD.
void setup(PerCpu& cpu);

// The vCPU as its partition's launch finds it: the boot CPU's template and registers, or the state after INIT.
void reset_boot(PerCpu& cpu, u32 launches);
void reset_startup(PerCpu& cpu, u8 sipi_vector);

// Puts what decide_mail() asked for into the VMCB.
void apply_mail(PerCpu& cpu, core::Effects& effects);

// Enters the guest; its exits come to svm_exit(), which enters again. Assembly, run.S.
extern "C" [[noreturn]] void svm_enter(PerCpu* cpu);

} // namespace septum::kernel::svm
