// SPDX-License-Identifier: Apache-2.0
// What a partition's own PCI functions take at an exit: the instruction that met a trapped page, and the effects of the decision.
#pragma once

#include "kernel/core/effects.hpp"
#include "kernel/core/exit.hpp"
#include "kernel/percpu.hpp"

namespace septum::kernel::svm {

// A nested page fault: gives the exit the instruction, when it is one that can be carried out.
void read_instruction(PerCpu& cpu, core::Exit& exit);

// Does what the decision asks of a device.
void apply_device(PerCpu& cpu, const core::DeviceEffect& effect);

} // namespace septum::kernel::svm
