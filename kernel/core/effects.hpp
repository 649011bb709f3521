// SPDX-License-Identifier: Apache-2.0
// What a decision may ask of the hardware: a closed set. `set` says which of the fields below count; the rest is not looked
// at. Register results are written straight into CpuState.
#pragma once

#include "kernel/core/decoder.hpp"

#include <septum/manifest/manifest.hpp>
#include <septum/types.hpp>

namespace septum::kernel::core {

enum Effect : u32 {
    kAdvance = 1u << 0,    // RIP := exit.next_rip
    kInject = 1u << 1,     // deliver `inject` to the guest at the next entry
    kInterrupt = 1u << 2,  // send vector `vector` to the partition's vCPUs in `targets`
    kPost = 1u << 3,       // put `mail` into the mailboxes of the vCPUs in `targets` and knock
    kBell = 1u << 4,       // channel `channel`: mark it rung in its reader's state, interrupt the reader if it has a vector
    kApicWrite = 1u << 5,  // physical local APIC: x2APIC register `apic_register` := `value`
    kApicRead = 1u << 6,   // RDX:RAX := physical local APIC, x2APIC register `apic_register`
    kSetEfer = 1u << 7,    // guest EFER := `value`, as the guest sees it
    kConsole = 1u << 8,    // append `character` to the partition's console ring
    kDrain = 1u << 9,      // the console was looked at: a good moment to pass bytes on
    kOpenWindow = 1u << 10,  // exit as soon as the guest can take an interrupt
    kCloseWindow = 1u << 11, // no more
    kWatchIret = 1u << 12,   // exit at the next IRET
    kIgnoreIret = 1u << 13,  // no more
    kWaitForSipi = 1u << 14, // the vCPU was sent INIT: reset it and wait
    kStart = 1u << 15,       // the vCPU was sent SIPI with vector `vector`
    kPark = 1u << 16,        // leave the guest: its partition is being closed
    kFault = 1u << 17,       // a forbidden act: `fault`, then the partition's policy
    kStop = 1u << 18,        // the partition asked to be stopped
    kRestart = 1u << 19,     // the partition asked to be restarted
    kKnock = 1u << 20,       // knock on the own door: come back as soon as this injection is delivered
    kPit = 1u << 22,         // the access is one of the virtual timer, which needs to know the time: read_pit(), write_pit()
    kDevice = 1u << 21,      // CpuState::device says what to do with one of the partition's own PCI functions
};

enum class Fault : u8 {
    none,
    memory,
    port,
    msr_read,
    msr_write,
    ipi_target,
    ipi_mode,
    lvt_mode,
    debug_loop,
    alignment_loop,
    virtualisation,
    triple_fault,
    machine_check,
    init,
    string_io,
    mmio_instruction, // no plain MOV, or one of another width, at the table of MSI-X
    broken_state,
    unknown_exit,
    count
};

// Not a guest's doing but the machine's: no partition's policy answers it, the whole system stops.
constexpr bool is_of_machine(Fault fault) { return fault == Fault::machine_check || fault == Fault::init; }

// Which of the partition's answers a fault takes.
constexpr manifest::Cause cause_of(Fault fault) {
    switch (fault) {
    case Fault::triple_fault: return manifest::Cause::triple_fault;
    case Fault::memory:
    case Fault::mmio_instruction:
    case Fault::port:
    case Fault::msr_read:
    case Fault::msr_write:
    case Fault::ipi_target:
    case Fault::ipi_mode:
    case Fault::lvt_mode:
    case Fault::virtualisation: return manifest::Cause::forbidden;
    default: return manifest::Cause::unanswerable;
    }
}

struct Injection {
    u8 vector = 0;
    u8 type = 0;       // 0 external interrupt, 2 NMI, 3 exception (APM 2 §15.20; SDM 3 §25.8.3 uses the same numbers)
    bool has_error = false;
    u32 error = 0;
};

enum Mail : u32 {
    kMailNmi = 1u << 0,
    kMailInit = 1u << 1,
    kMailSipi = 1u << 2, // vector in bits 15:8
    kMailPark = 1u << 3,
    kMailHalt = 1u << 4, // the whole system stops
    kMailWake = 1u << 5, // look at your partition's phase again
};

// What a mailbox holds once `mail` has come to what was in it. INIT makes its vCPU forget NMI and SIPI that came before;
// of two SIPI the first starts it, the other finds it running.
constexpr u32 add_mail(u32 before, u32 mail) {
    constexpr u32 kStartup = kMailSipi | 0xFF00;
    if ((mail & kMailInit) != 0) {
        before &= ~(kMailNmi | kStartup);
    }
    if ((mail & kMailSipi) != 0 && (before & kMailSipi) != 0) {
        mail &= ~kStartup;
    }
    return before | mail;
}

enum class DeviceAction : u8 {
    none,
    config_read,  // RAX, in `width` := (configuration space at `offset` & `mask`) | `value`
    config_write, // of configuration space at `offset`, the bits of `mask` := those of `value`; the others as they are
    read,         // register of `load` := memory at `address`
    write,        // memory at `address` := `value`
    msi,          // MSI: off; if `enabled`, `entries` interrupt entries from 0 on deliver `route` (each the next vector), the
                  // message is programmed, and it is on with `control`
    msix_mask,    // MSI-X: vector control at `address` + 12 := masked
    msix_unmask,  // interrupt entry `entry` delivers `route`; its message goes to `address`, unmasked
};

// Where an interrupt of a device goes, if anywhere.
struct Route {
    u32 apic_id = 0;
    u8 vector = 0;
    bool present = false;
};

// Only what `action` speaks of counts; the rest is what was there before.
struct DeviceEffect {
    DeviceAction action = DeviceAction::none;
    u8 offset = 0;
    u8 width = 0;
    u8 entries = 0;
    u16 control = 0; // MSI message control: enable and multiple message enable
    bool enabled = false;
    u32 device = 0;  // number among the partition's
    u32 entry = 0;
    u32 mask = 0;
    u64 value = 0;
    Hpa address;
    Route route;
    Mov load;
};

struct Effects {
    u32 set = 0;
    Injection inject;
    u8 vector = 0;
    u8 character = 0;
    Fault fault = Fault::none;
    u8 channel = 0;
    u32 mail = 0;
    u32 apic_register = 0;
    u64 value = 0;
    u64 targets = 0; // bit n: vCPU n of the own partition
};

} // namespace septum::kernel::core
