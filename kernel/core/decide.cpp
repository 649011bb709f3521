// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/decide.hpp"

namespace septum::kernel::core {

namespace {

// A guest can make the processor deliver #DB or #AC for ever (CVE-2015-8104, CVE-2015-5307). Each round exits here, so
// the CPU is never lost; but nothing but a trap to hang it looks like that: raised again while it was being delivered,
// or this often in a row from one place with one stack pointer. Ring 3 is not counted: it may hit one watchpoint as often as
// it likes, and must not be able to have its partition closed; its kernel runs between two of them.
constexpr u32 kLoopLimit = 65'536;

bool loops(CpuState& cpu, const Exit& exit) {
    if (exit.delivering) {
        return true;
    }
    if (exit.privilege == 3) {
        cpu.loop_count = 0;
        return false;
    }
    if (exit.rip != cpu.loop_rip || exit.rsp != cpu.loop_rsp) {
        cpu.loop_rip = exit.rip;
        cpu.loop_rsp = exit.rsp;
        cpu.loop_count = 0;
    }
    cpu.loop_count++;
    return cpu.loop_count >= kLoopLimit;
}

void reflect(CpuState& cpu, const Exit& exit, u8 vector, Fault fault, Effects& effects) {
    if (loops(cpu, exit)) {
        forbid(effects, fault);
    } else {
        inject_exception(effects, vector);
    }
}

void inject_nmi(CpuState& cpu, Effects& effects) {
    cpu.nmi_pending = false;
    cpu.nmi_blocked = true;
    cpu.nmi_leaving = false;
    effects.set |= kInject | kWatchIret | kCloseWindow;
    effects.inject = {.vector = kVectorNmi, .type = kTypeNmi, .has_error = false, .error = 0};
}

// The guest is about to leave its NMI handler. The next NMI must not nest before that IRET is through, so a pending one
// waits until the guest can take an interrupt.
void leave_nmi(CpuState& cpu, const Exit& exit, Effects& effects) {
    cpu.nmi_blocked = false;
    cpu.nmi_leaving = true;
    cpu.iret_rip = exit.rip;
    cpu.iret_rsp = exit.rsp;
    effects.set |= kIgnoreIret;
    if (cpu.nmi_pending) {
        effects.set |= kOpenWindow;
    }
}

// The guest stands before that IRET still: a knock came before the instruction could be run.
bool leaving_nmi(CpuState& cpu) {
    cpu.nmi_leaving = cpu.nmi_leaving && cpu.rip == cpu.iret_rip && cpu.rsp == cpu.iret_rsp;
    return cpu.nmi_leaving;
}

} // namespace

[[gnu::noinline, clang::minsize]] void decide_rare(CpuState& cpu, const Exit& exit, Effects& effects) {
    switch (exit.kind) {
    case ExitKind::port_string: forbid(effects, Fault::string_io); break;
    case ExitKind::debug: reflect(cpu, exit, kVectorDebug, Fault::debug_loop, effects); break;
    case ExitKind::alignment: reflect(cpu, exit, kVectorAlignment, Fault::alignment_loop, effects); break;
    case ExitKind::machine_check: forbid(effects, Fault::machine_check); break;
    case ExitKind::nmi: break; // the mailbox says what it was for; without mail it was a late knock
    case ExitKind::window:
        if (exit.delivering) {
            break; // that event goes first; the window stays open
        }
        effects.set |= kCloseWindow;
        if (cpu.nmi_pending && !cpu.nmi_blocked) {
            inject_nmi(cpu, effects);
        }
        break;
    case ExitKind::iret: leave_nmi(cpu, exit, effects); break;
    case ExitKind::init: forbid(effects, Fault::init); break;
    case ExitKind::shutdown: forbid(effects, Fault::triple_fault); break;
    case ExitKind::cache: effects.set |= kAdvance; break;
    case ExitKind::missing: inject_exception(effects, kVectorInvalidOpcode); break;
    case ExitKind::counter: inject_exception(effects, kVectorProtection); break;
    case ExitKind::virtualisation: forbid(effects, Fault::virtualisation); break;
    case ExitKind::broken: forbid(effects, Fault::broken_state); break;
    default: forbid(effects, Fault::unknown_exit); break;
    }
}

void decide(const Manifest& manifest, CpuState& cpu, PartitionState& partition, const Exit& exit, Effects& effects) {
    switch (exit.kind) {
    case ExitKind::cpuid: [[clang::always_inline]] answer_cpuid(manifest, cpu, effects); break;
    case ExitKind::hypercall: [[clang::always_inline]] answer_hypercall(manifest, cpu, partition, exit, effects); break;
    case ExitKind::msr_read:
    case ExitKind::msr_write: [[clang::always_inline]] answer_msr(manifest, cpu, exit, effects); break;
    case ExitKind::port_in:
    case ExitKind::port_out: [[clang::always_inline]] answer_port(manifest, cpu, partition, exit, effects); break;
    case ExitKind::memory: answer_memory(manifest, cpu, exit, effects); break;
    default: decide_rare(cpu, exit, effects); break;
    }
}

void decide_mail(CpuState& cpu, u32 mail, Effects& effects) {
    if ((mail & (kMailPark | kMailHalt)) != 0) {
        effects.set |= kPark;
        return;
    }
    if ((mail & kMailInit) != 0) {
        cpu.waiting_for_sipi = true;
        cpu.nmi_pending = false;
        cpu.nmi_blocked = false;
        cpu.nmi_leaving = false;
        effects.set |= kWaitForSipi | kCloseWindow | kIgnoreIret;
    }
    if (cpu.waiting_for_sipi) {
        if ((mail & kMailSipi) != 0) { // a second SIPI finds the CPU running and is dropped, as on hardware
            cpu.waiting_for_sipi = false;
            effects.set |= kStart;
            effects.vector = static_cast<u8>(mail >> 8);
        }
        return;
    }
    if ((mail & kMailNmi) != 0) {
        cpu.nmi_pending = true;
    }
    if (cpu.nmi_pending && !cpu.nmi_blocked) {
        if (leaving_nmi(cpu)) {
            effects.set |= kOpenWindow;
        } else if ((effects.set & kInject) == 0) {
            inject_nmi(cpu, effects);
        } else {
            effects.set |= kKnock; // one event an entry; the knock brings us back for this one
        }
    }
}

} // namespace septum::kernel::core
