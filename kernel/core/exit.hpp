// SPDX-License-Identifier: Apache-2.0
// Why a CPU left its guest, in words both vendors can say. svm/ fills it from the VMCB (APM 2 §15.6 – §15.14, appendix C);
// VMX has the same knowledge in exit reason, exit qualification, guest-physical address, instruction length and
// IDT-vectoring information (SDM 3 §28.2), which is why nothing here is an SVM exit code.
#pragma once

#include "kernel/core/decoder.hpp"

#include <septum/types.hpp>

namespace septum::kernel::core {

enum class ExitKind : u8 {
    cpuid,
    hypercall,
    msr_read,
    msr_write,
    port_in,
    port_out,
    port_string,      // INS or OUTS: never emulated
    memory,           // nested page fault, EPT violation
    debug,            // #DB, ICEBP
    alignment,        // #AC
    machine_check,    // #MC
    nmi,              // a physical NMI: look into the mailbox
    window,           // the guest can take an interrupt again
    iret,             // the guest leaves its NMI handler
    init,             // a physical INIT
    shutdown,         // triple fault
    cache,            // WBINVD, INVD: dropped
    missing,          // an instruction this virtual CPU does not have: #UD
    counter,          // RDPMC: #GP
    virtualisation,   // VMRUN, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA, VMX instructions
    broken,           // the processor refused the state it was to enter
    unknown,          // anything else: never resumed
    count
};
inline constexpr u32 kExitKinds = static_cast<u32>(ExitKind::count);

struct Exit {
    ExitKind kind = ExitKind::unknown;
    u8 width = 0;         // port: 1, 2 or 4 bytes
    u8 privilege = 0;     // CPL 0..3
    u8 access = 0;        // memory: manifest::kRead | kWrite | kExecute, what was tried
    bool delivering = false; // raised while another event was being delivered (EXITINTINFO, IDT-vectoring)
    u64 code = 0;         // the vendor's own number, for the report
    u64 address = 0;      // port, MSR, guest-physical address
    u64 value = 0;        // what a write writes
    u64 rip = 0;          // of the instruction
    u64 next_rip = 0;     // behind it, where the kind has one
    u64 rsp = 0;          // debug, alignment and iret only
    const Mov* mov = nullptr; // memory: the instruction whose access it was, where it could be read and is a move
};

} // namespace septum::kernel::core
