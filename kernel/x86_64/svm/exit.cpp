// SPDX-License-Identifier: Apache-2.0
// From the VMCB to core's words, and from core's effects to the VMCB and the hardware. Nothing is decided here.
#include "kernel/console/console.hpp"
#include "kernel/core/decide.hpp"
#include "kernel/lifecycle/lifecycle.hpp"
#include "kernel/x86_64/apic/local_apic.hpp"
#include "kernel/x86_64/svm/svm.hpp"

namespace septum::kernel::svm {

namespace {

using core::Effects;
using core::Exit;
using core::ExitKind;

constexpr u64 kRflagsTrap = 1u << 8;
constexpr u64 kDr6Step = 1u << 14;
constexpr u64 kEferSvme = 1u << 12;

extern "C" void swallow_nmi();

// Where the next instruction begins: the processor says so, or the length is that of the plain encoding (a prefix that
// changes it only makes the guest resume inside its own instruction).
u64 behind(const PerCpu& cpu, u64 length) {
    const Vmcb& vmcb = *cpu.vmcb;
    return cpu.next_rip_saved && vmcb.next_rip != 0 ? vmcb.next_rip : vmcb.rip + length;
}

// IOIO: EXITINFO1 (APM 2 §15.10.2); EXITINFO2 is the next RIP on every processor.
void read_port(PerCpu& cpu, Exit& exit) {
    const Vmcb& vmcb = *cpu.vmcb;
    const u64 info = vmcb.exit_info1;
    exit.address = info >> 16 & 0xFFFF;
    exit.width = static_cast<u8>(info >> 4 & 7);
    exit.next_rip = vmcb.exit_info2;
    if ((info & 4) != 0) {
        exit.kind = ExitKind::port_string;
    } else if ((info & 1) != 0) {
        exit.kind = ExitKind::port_in;
    } else {
        exit.kind = ExitKind::port_out;
        const u64 mask = exit.width == 4 ? 0xFFFF'FFFF : exit.width == 2 ? 0xFFFF : 0xFF;
        exit.value = vmcb.rax & mask;
    }
}

void read_msr_exit(PerCpu& cpu, Exit& exit) {
    const Vmcb& vmcb = *cpu.vmcb;
    exit.address = static_cast<u32>(cpu.state.registers[core::kRcx]);
    exit.next_rip = behind(cpu, 2);
    cpu.state.efer = vmcb.efer & ~kEferSvme;
    cpu.state.cr0 = vmcb.cr0;
    if ((vmcb.exit_info1 & 1) != 0) {
        exit.kind = ExitKind::msr_write;
        exit.value = cpu.state.registers[core::kRdx] << 32 | static_cast<u32>(vmcb.rax);
    } else {
        exit.kind = ExitKind::msr_read;
    }
}

// Nested page fault: EXITINFO1 as a page-fault error code (APM 2 §15.25.6).
void read_memory(const Vmcb& vmcb, Exit& exit) {
    exit.kind = ExitKind::memory;
    exit.address = vmcb.exit_info2;
    exit.access = (vmcb.exit_info1 & 0x10) != 0  ? manifest::kExecute
                  : (vmcb.exit_info1 & 0x02) != 0 ? manifest::kWrite
                                                  : manifest::kRead;
}

void read_rare(PerCpu& cpu, Exit& exit) {
    Vmcb& vmcb = *cpu.vmcb;
    switch (static_cast<u32>(vmcb.exit_code)) {
    case kExitNested: read_memory(vmcb, exit); break;
    case kExitIcebp:
        vmcb.rip = behind(cpu, 1); // a trap: reported behind the instruction
        [[fallthrough]];
    case kExitDebug: exit.kind = ExitKind::debug; break;
    case kExitAlignment: exit.kind = ExitKind::alignment; break;
    case kExitMachineCheck: exit.kind = ExitKind::machine_check; break;
    case kExitNmi: exit.kind = ExitKind::nmi; break;
    case kExitInit: exit.kind = ExitKind::init; break;
    case kExitWindow: exit.kind = ExitKind::window; break;
    case kExitIret: exit.kind = ExitKind::iret; break;
    case kExitShutdown: exit.kind = ExitKind::shutdown; break;
    case kExitCounter: exit.kind = ExitKind::counter; break;
    case kExitInvd:
    case kExitWbinvd:
        exit.kind = ExitKind::cache;
        exit.next_rip = behind(cpu, 2);
        break;
    case kExitRsm:
    case kExitMonitor:
    case kExitMwait:
    case kExitMwaitArmed:
    case kExitRdpru:
    case kExitInvlpgb:
    case kExitInvlpgbIllegal:
    case kExitMcommit:
    case kExitTlbsync: exit.kind = ExitKind::missing; break;
    case kExitVmrun:
    case kExitVmload:
    case kExitVmsave:
    case kExitStgi:
    case kExitClgi:
    case kExitSkinit:
    case kExitInvlpga: exit.kind = ExitKind::virtualisation; break;
    case kExitInvalid: exit.kind = ExitKind::broken; break;
    default: exit.kind = ExitKind::unknown; break;
    }
    exit.rip = vmcb.rip;
    exit.rsp = vmcb.rsp;
    exit.delivering = (vmcb.exit_interrupt_info & kEventValid) != 0;
}

void interrupt(PerCpu& cpu, u64 targets, u32 command) {
    const manifest::ApicMode mode = cpu.manifest.apic;
    while (targets != 0) {
        const u32 vcpu = static_cast<u32>(__builtin_ctzll(targets));
        targets &= targets - 1;
        const manifest::Cpu* target = cpu.manifest.cpus.at(vcpu);
        if (target != nullptr) {
            apic::send(mode, target->apic_id, command);
        }
    }
}

void inject(Vmcb& vmcb, const core::Injection& event) {
    vmcb.event_injection = event.vector | u64{event.type} << 8 | (event.has_error ? kEventHasError : 0) | kEventValid |
                           u64{event.error} << 32;
}

void advance(Vmcb& vmcb, const Exit& exit, Effects& effects) {
    vmcb.rip = exit.next_rip;
    vmcb.interrupt_shadow = 0;
    if ((vmcb.rflags & kRflagsTrap) != 0) [[unlikely]] { // a single step over an emulated instruction is a step
        vmcb.dr6 |= kDr6Step;
        core::inject_exception(effects, core::kVectorDebug);
    }
}

void apply_apic(PerCpu& cpu, const Effects& effects) {
    if ((effects.set & core::kApicWrite) != 0) {
        apic::write(cpu.manifest.apic, effects.apic_register, static_cast<u32>(effects.value));
    }
    if ((effects.set & core::kApicRead) != 0) {
        cpu.state.registers[core::kRax] = apic::read(cpu.manifest.apic, effects.apic_register);
        cpu.state.registers[core::kRdx] = 0;
    }
}

void apply_window(Vmcb& vmcb, u32 set) {
    if ((set & core::kOpenWindow) != 0) { // V_IRQ with the VINTR intercept, never taken by the guest (APM 2 §15.21.4)
        vmcb.interrupt_control |= kVirtualIrq | kVirtualIgnoreTpr;
        vmcb.intercept_misc1 |= kInterceptVintr;
    }
    if ((set & core::kCloseWindow) != 0) {
        vmcb.interrupt_control &= ~(kVirtualIrq | kVirtualIgnoreTpr);
        vmcb.intercept_misc1 &= ~kInterceptVintr;
    }
    if ((set & core::kWatchIret) != 0) {
        vmcb.intercept_misc1 |= kInterceptIret;
    }
    if ((set & core::kIgnoreIret) != 0) {
        vmcb.intercept_misc1 &= ~kInterceptIret;
    }
}

// What changes the virtual CPU and the neighbours inside the partition.
void apply(PerCpu& cpu, const Exit& exit, Effects& effects) {
    Vmcb& vmcb = *cpu.vmcb;
    if ((effects.set & core::kAdvance) != 0) {
        advance(vmcb, exit, effects);
    }
    const u32 set = effects.set;
    if ((set & ~core::kAdvance) == 0) [[likely]] {
        return;
    }
    if ((set & core::kInterrupt) != 0) {
        interrupt(cpu, effects.targets, apic::kDeliverFixed | effects.vector);
    }
    if ((set & (core::kApicWrite | core::kApicRead)) != 0) {
        apply_apic(cpu, effects);
    }
    if ((set & core::kConsole) != 0 && cpu.console != nullptr) {
        console::put(*cpu.console, static_cast<char>(effects.character));
    }
    if ((set & core::kDrain) != 0) {
        console::drain();
    }
    if ((set & core::kSetEfer) != 0) {
        vmcb.efer = effects.value | kEferSvme;
        vmcb.tlb_control = 1; // NXE changes what cached translations mean
    }
    if ((set & (core::kOpenWindow | core::kCloseWindow | core::kWatchIret | core::kIgnoreIret)) != 0) {
        apply_window(vmcb, set);
    }
    if ((set & core::kInject) != 0) {
        inject(vmcb, effects.inject);
    }
    if ((set & core::kBell) != 0) {
        lifecycle::ring(cpu, effects.channel);
    }
    if ((set & core::kPost) != 0) {
        lifecycle::post(cpu, effects.targets, effects.mail);
    }
    if ((set & core::kKnock) != 0) {
        apic::send(cpu.manifest.apic, cpu.cpu->apic_id, apic::kDeliverNmi);
    }
    if ((set & core::kFault) != 0) {
        lifecycle::fault(cpu, exit, effects.fault);
    }
    if ((set & core::kStop) != 0) {
        lifecycle::close(cpu, core::kIntentStop);
    }
    if ((set & core::kRestart) != 0) {
        lifecycle::close(cpu, core::kIntentRestart);
    }
}

} // namespace

extern "C" [[gnu::used]] void svm_exit(PerCpu* self) {
    PerCpu& cpu = *self;
    Vmcb& vmcb = *cpu.vmcb;
    cpu.state.registers[core::kRax] = vmcb.rax;
    vmcb.tlb_control = 0;

    Exit exit;
    exit.rip = vmcb.rip;
    exit.code = vmcb.exit_code;
    switch (static_cast<u32>(vmcb.exit_code)) {
    case kExitCpuid:
        exit.kind = ExitKind::cpuid;
        exit.next_rip = behind(cpu, 2);
        cpu.state.cr4 = vmcb.cr4;
        break;
    case kExitHypercall:
        exit.kind = ExitKind::hypercall;
        exit.next_rip = behind(cpu, 3);
        exit.privilege = vmcb.cpl;
        break;
    case kExitMsr: read_msr_exit(cpu, exit); break;
    case kExitIo: read_port(cpu, exit); break;
    default: read_rare(cpu, exit); break;
    }
    cpu.state.counters[static_cast<u32>(exit.kind)]++;

    Effects effects;
    core::decide(cpu.manifest, cpu.state, *cpu.partition, exit, effects);
    if (exit.delivering && (exit.kind == ExitKind::nmi || exit.kind == ExitKind::window)) {
        vmcb.event_injection = vmcb.exit_interrupt_info; // the event that was under way is delivered again
        effects.set |= core::kKnock;
    }
    apply(cpu, exit, effects);
    if (exit.kind == ExitKind::nmi) {
        swallow_nmi();
    }
    if (__atomic_load_n(&cpu.mailbox, __ATOMIC_RELAXED) != 0 || exit.kind == ExitKind::nmi) [[unlikely]] {
        Effects more;
        more.set = (vmcb.event_injection & kEventValid) != 0 ? core::kInject : 0;
        lifecycle::read_mail(cpu, more);
    }
    vmcb.rax = cpu.state.registers[core::kRax];
}

void apply_mail(PerCpu& cpu, Effects& effects) {
    apply_window(*cpu.vmcb, effects.set);
    if ((effects.set & core::kInject) != 0 && effects.inject.vector != 0) {
        inject(*cpu.vmcb, effects.inject);
    }
    if ((effects.set & core::kKnock) != 0) {
        apic::send(cpu.manifest.apic, cpu.cpu->apic_id, apic::kDeliverNmi);
    }
}

} // namespace septum::kernel::svm
