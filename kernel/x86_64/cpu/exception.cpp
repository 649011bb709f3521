// SPDX-License-Identifier: Apache-2.0
// The kernel's own exceptions: an invariant is broken. Say what and where, and stop everything.
#include "kernel/hw/control.hpp"
#include "kernel/lifecycle/lifecycle.hpp"
#include "kernel/log.hpp"
#include "kernel/percpu.hpp"

namespace septum::kernel {

namespace {

struct ExceptionFrame {
    u64 registers[core::kRegisters];
    u64 vector;
    u64 error;
    u64 rip;
    u64 cs;
    u64 rflags;
    u64 rsp;
    u64 ss;
};

} // namespace

extern "C" [[noreturn, gnu::used]] void kernel_exception(const ExceptionFrame* frame) {
    Line line;
    line << "septum: halted: kernel exception " << frame->vector << ", error " << Hex{frame->error} << ", at " << Hex{frame->rip}
         << ", stack " << Hex{frame->rsp} << ", cr2 " << Hex{hw::read_cr2()};
    const lifecycle::KernelState state{frame->registers, frame->rip, frame->rflags};
    lifecycle::halt_system(line, &state);
}

} // namespace septum::kernel
