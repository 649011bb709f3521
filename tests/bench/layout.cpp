// SPDX-License-Identifier: Apache-2.0
// Prints, as JSON, where in a CPU's block the kernel's exit counters and its mailbox lie, so that bench and tests can
// reach them from outside the machine while it runs.
#include "kernel/percpu.hpp"

#include <septum/manifest/layout.hpp>

#include <array>
#include <cstddef>
#include <cstdio>

namespace core = septum::kernel::core;
using septum::layout::CpuBlock;

namespace {

// In the order of core::ExitKind.
constexpr std::array kNames{"cpuid",       "hypercall",      "msr read", "msr write", "port in", "port out",
                            "port string", "memory",         "#DB",      "#AC",       "#MC",     "NMI",
                            "window",      "iret",           "INIT",     "shutdown",  "cache",   "missing",
                            "counter",     "virtualisation", "broken",   "unknown"};
static_assert(kNames.size() == core::kExitKinds);

} // namespace

int main() {
    std::printf("{\"counters\": %zu, \"mailbox\": %zu, \"kinds\": [",
                CpuBlock::kPerCpu + offsetof(septum::kernel::PerCpu, state) + offsetof(core::CpuState, counters),
                CpuBlock::kPerCpu + offsetof(septum::kernel::PerCpu, mailbox));
    for (std::size_t i = 0; i < kNames.size(); i++) {
        std::printf("%s\"%s\"", i == 0 ? "" : ", ", kNames[i]);
    }
    std::printf("]}\n");
    return 0;
}
