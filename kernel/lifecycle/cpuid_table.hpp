// SPDX-License-Identifier: Apache-2.0
// The CPUID answers of a partition: what this processor says, through the manifest's masks.
#pragma once

#include "kernel/percpu.hpp"

namespace septum::kernel::lifecycle {

// Computes them once, on the partition's first CPU.
void fill_cpuid(const PerCpu& cpu);

} // namespace septum::kernel::lifecycle
