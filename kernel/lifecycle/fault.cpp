// SPDX-License-Identifier: Apache-2.0
// What a guest did that it may not: said in one line, then its partition's policy.
#include "kernel/lifecycle/crash_record.hpp"
#include "kernel/lifecycle/event_log.hpp"
#include "kernel/lifecycle/lifecycle.hpp"

namespace septum::kernel::lifecycle {

namespace {

const char* describe(core::Fault fault) {
    switch (fault) {
    case core::Fault::memory: return "memory";
    case core::Fault::port: return "forbidden port";
    case core::Fault::msr_read: return "forbidden msr, read";
    case core::Fault::msr_write: return "forbidden msr, write";
    case core::Fault::ipi_target: return "interrupt to a foreign cpu";
    case core::Fault::ipi_mode: return "forbidden interrupt delivery mode";
    case core::Fault::lvt_mode: return "forbidden local vector delivery mode";
    case core::Fault::debug_loop: return "endless #DB";
    case core::Fault::alignment_loop: return "endless #AC";
    case core::Fault::virtualisation: return "virtualisation instruction";
    case core::Fault::triple_fault: return "triple fault";
    case core::Fault::machine_check: return "machine check";
    case core::Fault::init: return "physical INIT";
    case core::Fault::string_io: return "string port access";
    case core::Fault::mmio_instruction: return "instruction that is no plain move, or of another width, at an MSI-X table";
    case core::Fault::broken_state: return "invalid processor state";
    case core::Fault::unknown_exit:
    case core::Fault::none:
    case core::Fault::count: break;
    }
    return "unknown exit";
}

void add_place(Line& line, const core::Exit& exit, core::Fault fault) {
    switch (fault) {
    case core::Fault::memory:
    case core::Fault::mmio_instruction:
        line << (exit.access == manifest::kWrite     ? " write"
                 : exit.access == manifest::kExecute ? " execute"
                                                     : " read")
             << " at guest-physical " << Hex{exit.address};
        break;
    case core::Fault::port:
    case core::Fault::string_io: line << " " << Hex{exit.address} << ", " << u64{exit.width} << " bytes"; break;
    case core::Fault::msr_read: line << " " << Hex{exit.address}; break;
    case core::Fault::msr_write:
    case core::Fault::ipi_target:
    case core::Fault::ipi_mode:
    case core::Fault::lvt_mode: line << " " << Hex{exit.address} << " := " << Hex{exit.value}; break;
    default: line << ", exit " << Hex{exit.code}; break;
    }
}

} // namespace

void fault(PerCpu& cpu, const core::Exit& exit, core::Fault fault) {
    const manifest::Partition& partition = *cpu.manifest.partition;
    Line line;
    line << "septum: " << partition.name << ": fault: " << describe(fault);
    add_place(line, exit, fault);
    line << ", rip " << Hex{exit.rip} << ", cpu " << u64{cpu.state.vcpu};
    if (exit.kind <= core::ExitKind::memory) { // the rare kinds, behind it, were noted when they were met
        cpu.last_exits[cpu.newest_exit++ % kLastExits] = {exit.code, exit.address, exit.rip};
    }
    const manifest::Cause cause = core::cause_of(fault);
    log_event(guest::EventKind::fault, cpu.cpu->partition, static_cast<u32>(cause), exit.address, exit.rip);
    if (core::is_of_machine(fault)) {
        line << ": system halted";
        halt_system(line);
    }
    if (partition.on[static_cast<u32>(cause)] == manifest::OnFault::halt_system) {
        line << ": system halted";
        halt_system(line);
    }
    line.send();
    record_crash(line);
    end(cpu, cause);
}

} // namespace septum::kernel::lifecycle
