// SPDX-License-Identifier: Apache-2.0
#include "kernel/x86_64/paging/fetch.hpp"
#include "kernel/x86_64/svm/device.hpp"

namespace septum::kernel::svm {

namespace {

constexpr u16 kCodeLong = 1u << 9;    // CS attributes as the VMCB packs them (APM 2 §15.5.1)
constexpr u16 kCodeDefault = 1u << 10;
constexpr u64 kWalking = 1ULL << 33;  // EXITINFO1: met while the guest's page tables were walked (§15.25.6)

} // namespace

void read_instruction(PerCpu& cpu, core::Exit& exit) {
    const Vmcb& vmcb = *cpu.vmcb;
    // No instruction's access: an exception's frame that was pushed into the page, or a descriptor that was read there, while the
    // processor delivered an event (APM 2 §15.7.2). What stands at RIP has to do with neither.
    const bool delivering = (vmcb.exit_interrupt_info & kEventValid) != 0;
    if (exit.access == manifest::kExecute || (vmcb.exit_info1 & kWalking) != 0 || delivering) {
        return;
    }
    core::Instruction instruction;
    const bool is_long = (vmcb.efer & paging::kEferLongModeActive) != 0 && (vmcb.cs.attributes & kCodeLong) != 0;
    instruction.mode = is_long                                    ? core::CodeMode::bits64
                       : (vmcb.cs.attributes & kCodeDefault) != 0 ? core::CodeMode::bits32
                                                                  : core::CodeMode::bits16;
    if (vmcb.fetched != 0 && vmcb.fetched <= core::kMaxInstruction) { // decode assists (APM 2 §15.8.4)
        instruction.count = vmcb.fetched;
        __builtin_memcpy(instruction.bytes, vmcb.instruction, sizeof instruction.bytes);
    } else {
        const u64 linear = is_long ? vmcb.rip : (vmcb.cs.base + vmcb.rip) & 0xFFFF'FFFF;
        paging::fetch(cpu.regions, {vmcb.cr0, vmcb.cr3, vmcb.cr4, vmcb.efer}, linear, cpu.trail, instruction);
    }
    core::Decoded& decoded = cpu.decoded[vmcb.rip % kDecoded];
    if (core::decode_again(instruction, decoded)) {
        exit.mov = &decoded.mov;
        exit.next_rip = is_long ? vmcb.rip + decoded.mov.length : (vmcb.rip + decoded.mov.length) & 0xFFFF'FFFF;
        cpu.state.registers[core::kRsp] = vmcb.rsp; // the one that lies in the VMCB
    }
}

} // namespace septum::kernel::svm
