// SPDX-License-Identifier: Apache-2.0
// From the VMCB to core's words, and from core's effects to the VMCB and the hardware. Nothing is decided here.
#include "kernel/console/console.hpp"
#include "kernel/core/decide.hpp"
#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/lifecycle/device.hpp"
#include "kernel/lifecycle/lifecycle.hpp"
#include "kernel/x86_64/apic/local_apic.hpp"
#include "kernel/x86_64/svm/device.hpp"
#include "kernel/x86_64/svm/svm.hpp"

namespace septum::kernel::svm {

namespace {

using core::Effects;
using core::Exit;
using core::ExitKind;

constexpr u64 kRflagsTrap = 1u << 8;
constexpr u64 kCr0Protected = 1u << 0;
constexpr u64 kDr6Step = 1u << 14;
constexpr u64 kEferSvme = 1u << 12;

extern "C" void swallow_nmi();

// Where the next instruction begins: the processor says so, or the length is that of the plain encoding (a prefix that
// changes it only makes the guest resume inside its own instruction).
// A processor without next-RIP saving leaves the field as the template has it, zero.
u64 behind(const Vmcb& vmcb, u64 length) { return vmcb.next_rip != 0 ? vmcb.next_rip : vmcb.rip + length; }

// IOIO: EXITINFO1 (APM 2 §15.10.2); EXITINFO2 is the next RIP on every processor.
constexpr u64 kIoIn = 1;
constexpr u64 kIoString = 4;

void read_port(const Vmcb& vmcb, Exit& exit) {
    exit.address = vmcb.exit_info1 >> 16 & 0xFFFF;
    exit.width = static_cast<u8>(vmcb.exit_info1 >> 4 & 7);
    exit.next_rip = vmcb.exit_info2;
}

void read_msr_exit(PerCpu& cpu, const Vmcb& vmcb, Exit& exit) {
    exit.address = static_cast<u32>(cpu.state.registers[core::kRcx]);
    exit.next_rip = behind(vmcb, 2);
    cpu.state.efer = vmcb.efer & ~kEferSvme;
    cpu.state.cr0 = vmcb.cr0;
}

// Nested page fault: EXITINFO1 as a page-fault error code (APM 2 §15.25.6).
void read_memory(const Vmcb& vmcb, Exit& exit) {
    exit.address = vmcb.exit_info2;
    exit.access = (vmcb.exit_info1 & 0x10) != 0  ? manifest::kExecute
                  : (vmcb.exit_info1 & 0x02) != 0 ? manifest::kWrite
                                                  : manifest::kRead;
}

// A machine check in a guest that has not set CR4.MCE shuts the processor down (APM 2 §9.1): MCG_STATUS tells it from the
// guest's own triple fault.
bool is_machine_check() {
    constexpr u32 kMca = 1u << 14; // CPUID 1 EDX
    constexpr u64 kInProgress = 1u << 2;
    return (hw::cpuid(1).registers[3] & kMca) != 0 && (hw::read_msr(hw::kMsrMcgStatus) & kInProgress) != 0;
}

void read_rare(PerCpu& cpu, Exit& exit) {
    Vmcb& vmcb = *cpu.vmcb;
    switch (static_cast<u32>(vmcb.exit_code)) {
    case kExitIcebp:
        vmcb.rip = behind(vmcb, 1); // a trap: reported behind the instruction
        [[fallthrough]];
    case kExitDebug: exit.kind = ExitKind::debug; break;
    case kExitAlignment: exit.kind = ExitKind::alignment; break;
    case kExitMachineCheck: exit.kind = ExitKind::machine_check; break;
    case kExitNmi: exit.kind = ExitKind::nmi; break;
    case kExitInit: exit.kind = ExitKind::init; break;
    case kExitWindow: exit.kind = ExitKind::window; break;
    case kExitIret: exit.kind = ExitKind::iret; break;
    case kExitShutdown: exit.kind = is_machine_check() ? ExitKind::machine_check : ExitKind::shutdown; break;
    case kExitCounter: exit.kind = ExitKind::counter; break;
    case kExitInvd:
    case kExitWbinvd:
        exit.kind = ExitKind::cache;
        exit.next_rip = behind(vmcb, 2);
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
    exit.privilege = vmcb.cpl;
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
    const bool pushes_error = event.has_error && (vmcb.cr0 & kCr0Protected) != 0; // real mode has no error codes
    vmcb.event_injection = event.vector | u64{event.type} << 8 | (pushes_error ? kEventHasError : 0) | kEventValid |
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

void apply_pit(PerCpu& cpu, const Exit& exit) {
    core::Pit& pit = cpu.partition->pit;
    const u16 port = static_cast<u16>(exit.address);
    u64& rax = cpu.state.registers[core::kRax];
    if (exit.kind == ExitKind::port_in) {
        rax = (rax & ~0xFFULL) | core::read_pit(pit, port, hw::read_tsc(), cpu.manifest.tsc_hz);
    } else {
        core::write_pit(pit, port, static_cast<u8>(exit.value), hw::read_tsc(), cpu.manifest.tsc_hz);
    }
}

[[gnu::noinline, clang::minsize]] void apply_rest(PerCpu& cpu, const Exit& exit, const Effects& effects) {
    Vmcb& vmcb = *cpu.vmcb;
    const u32 set = effects.set;
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
        lifecycle::post(cpu.manifest.apic, cpu.manifest.cpus, effects.targets, effects.mail);
    }
    if ((set & core::kKnock) != 0) {
        apic::send(cpu.manifest.apic, cpu.cpu->apic_id, apic::kDeliverNmi);
    }
    if ((set & core::kDevice) != 0) {
        apply_device(cpu, cpu.state.device);
    }
    if ((set & core::kPit) != 0) {
        apply_pit(cpu, exit);
    }
    if ((set & core::kFault) != 0) {
        lifecycle::fault(cpu, exit, effects.fault);
    }
    if ((set & core::kStop) != 0) {
        lifecycle::end(cpu, manifest::Cause::shutdown);
    }
    if ((set & core::kRestart) != 0) {
        lifecycle::end(cpu, manifest::Cause::reset);
    }
}

// What changes the virtual CPU and the neighbours inside the partition: the frequent first.
[[gnu::always_inline]] inline void apply(PerCpu& cpu, Vmcb& vmcb, const Exit& exit, Effects& effects) {
    if ((effects.set & core::kAdvance) != 0) {
        advance(vmcb, exit, effects);
    }
    if ((effects.set & core::kInterrupt) != 0) {
        interrupt(cpu, effects.targets, apic::kDeliverFixed | effects.vector);
    }
    if ((effects.set & ~(core::kAdvance | core::kInterrupt)) != 0) {
        Exit exit_copy = exit; // copies, so that the frequent path keeps both in registers
        exit_copy.rip = vmcb.rip; // said only of a fault, and a fault does not advance
        exit_copy.code = vmcb.exit_code;
        const Effects effects_copy = effects;
        apply_rest(cpu, exit_copy, effects_copy);
    }
}

// Decides and does; inlined for each frequent kind, so that what the kind does not need costs nothing.
[[gnu::always_inline]] inline void serve(PerCpu& cpu, Vmcb& vmcb, ExitKind kind, Exit& exit) {
    exit.kind = kind;
    cpu.state.counters[static_cast<u32>(kind)]++;
    Effects effects;
    [[clang::always_inline]] core::decide(cpu.manifest, cpu.state, *cpu.partition, exit, effects);
    apply(cpu, vmcb, exit, effects);
}

// The same for the kinds that decide_rare() knows.
[[gnu::noinline, clang::minsize]] void serve_rarely(PerCpu& cpu, ExitKind kind, Exit& exit) {
    exit.kind = kind;
    cpu.state.counters[static_cast<u32>(kind)]++;
    Effects effects;
    core::decide_rare(cpu.state, exit, effects);
    apply(cpu, *cpu.vmcb, exit, effects);
}

[[gnu::noinline]] void serve_port(PerCpu& cpu) {
    Vmcb& vmcb = *cpu.vmcb;
    Exit exit;
    read_port(vmcb, exit);
    if ((vmcb.exit_info1 & kIoString) != 0) {
        serve_rarely(cpu, ExitKind::port_string, exit);
        return;
    }
    const u64 mask = exit.width == 4 ? 0xFFFF'FFFF : exit.width == 2 ? 0xFFFF : 0xFF;
    exit.value = vmcb.rax & mask;
    serve(cpu, vmcb, ExitKind::port_out, exit);
}

[[gnu::noinline]] void serve_memory(PerCpu& cpu) {
    Vmcb& vmcb = *cpu.vmcb;
    Exit exit;
    read_memory(vmcb, exit);
    read_instruction(cpu, exit);
    exit.kind = ExitKind::memory;
    cpu.state.counters[static_cast<u32>(ExitKind::memory)]++;
    Effects effects;
    core::answer_memory(cpu.manifest, cpu.state, exit, effects);
    if ((effects.set & core::kDevice) != 0) {
        apply_device(cpu, cpu.state.device);
        effects.set &= ~core::kDevice;
    }
    apply(cpu, vmcb, exit, effects);
    if (exit.mov != nullptr && exit.mov->reg == core::kRsp) {
        vmcb.rsp = cpu.state.registers[core::kRsp];
    }
}

[[gnu::noinline, clang::minsize]] void serve_rare(PerCpu& cpu) {
    Exit exit;
    read_rare(cpu, exit);
    Vmcb& vmcb = *cpu.vmcb;
    if (exit.delivering && (exit.kind == ExitKind::nmi || exit.kind == ExitKind::window)) {
        vmcb.event_injection = vmcb.exit_interrupt_info; // the event that was under way is delivered again
    }
    const ExitKind kind = exit.kind;
    cpu.last_exits[cpu.newest_exit++ % kLastExits] = {vmcb.exit_code, exit.address, exit.rip};
    serve_rarely(cpu, kind, exit);
    if (kind == ExitKind::nmi) {
        swallow_nmi();
        lifecycle::look_for_faults(cpu);
        __atomic_fetch_or(&cpu.mailbox, u32{core::kMailWake}, __ATOMIC_RELAXED); // even an empty mailbox is looked into
    }
}

// Until it is empty: what is done for one letter may swallow the knock of the next (apic::quiesce), and a guest that is
// entered with mail waiting and no knock pending would not come back for it.
[[gnu::noinline, clang::minsize]] void look_into_mailbox(PerCpu& cpu) {
    do {
        Effects effects;
        cpu.state.rip = cpu.vmcb->rip;
        cpu.state.rsp = cpu.vmcb->rsp;
        effects.set = (cpu.vmcb->event_injection & kEventValid) != 0 ? core::kInject : 0;
        lifecycle::read_mail(cpu, effects);
    } while (__atomic_load_n(&cpu.mailbox, __ATOMIC_RELAXED) != 0);
}

} // namespace

// run.S has saved every register of the guest, so there is none to preserve; the argument comes in R12.
extern "C" [[noreturn, gnu::used, clang::preserve_none]] void svm_exit(PerCpu* self) {
    PerCpu& cpu = *self;
    Vmcb& vmcb = *cpu.vmcb;
    cpu.state.registers[core::kRax] = vmcb.rax;
    vmcb.tlb_control = 0;

    switch (static_cast<u32>(vmcb.exit_code)) {
    case kExitCpuid: {
        Exit exit;
        exit.next_rip = behind(vmcb, 2);
        cpu.state.cr4 = vmcb.cr4;
        serve(cpu, vmcb, ExitKind::cpuid, exit);
        break;
    }
    case kExitHypercall: {
        Exit exit;
        exit.next_rip = behind(vmcb, 3);
        exit.privilege = vmcb.cpl;
        serve(cpu, vmcb, ExitKind::hypercall, exit);
        break;
    }
    case kExitMsr: {
        Exit exit;
        read_msr_exit(cpu, vmcb, exit);
        if ((vmcb.exit_info1 & 1) == 0) {
            serve(cpu, vmcb, ExitKind::msr_read, exit);
        } else {
            exit.value = cpu.state.registers[core::kRdx] << 32 | static_cast<u32>(vmcb.rax);
            serve(cpu, vmcb, ExitKind::msr_write, exit);
        }
        break;
    }
    case kExitIo:
        if ((vmcb.exit_info1 & (kIoIn | kIoString)) == kIoIn) {
            Exit exit;
            read_port(vmcb, exit);
            serve(cpu, vmcb, ExitKind::port_in, exit);
        } else {
            serve_port(cpu);
        }
        break;
    case kExitNested: serve_memory(cpu); break;
    default: serve_rare(cpu); break;
    }
    if (__atomic_load_n(&cpu.mailbox, __ATOMIC_RELAXED) != 0) [[unlikely]] {
        look_into_mailbox(cpu);
    }
    vmcb.rax = cpu.state.registers[core::kRax];
    svm_enter(&cpu);
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
