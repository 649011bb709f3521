// SPDX-License-Identifier: Apache-2.0
// What a decision may look at besides the exit: its own CPU's state, the few shared fields of its partition, and the
// sealed manifest as bounded tables.
#pragma once

#include "kernel/core/device_state.hpp"
#include "kernel/core/effects.hpp"
#include "kernel/core/exit.hpp"
#include "kernel/core/pit.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::core {

// General registers in the processor's own numbering.
enum Register : u32 { kRax, kRcx, kRdx, kRbx, kRsp, kRbp, kRsi, kRdi, kR8, kR9, kR10, kR11, kR12, kR13, kR14, kR15, kRegisters };

// A table of the manifest. Every access is checked.
template <typename T>
struct Records {
    const T* first = nullptr;
    u32 count = 0;

    [[nodiscard]] const T* at(u32 index) const {
        if (index >= count) {
            return nullptr;
        }
        const T* found = first + index;
        __builtin_assume(found != nullptr); // so that the caller's own question is answered by the one above
        return found;
    }
};

// What a partition's devices remember. The virtual host bridge, its first, remembers nothing.
struct DeviceStates {
    DeviceState* first = nullptr;
    u32 count = 0;

    [[nodiscard]] DeviceState* of(u32 device) const { return device - 1 < count ? first + (device - 1) : nullptr; }
};

struct CpuidEntry {
    u32 subleaf; // or manifest::kCpuidAnySubleaf
    u32 patch;
    u32 registers[4];
};

// The answers of one partition, computed once from the real processor and the manifest's masks.
struct CpuidTable {
    static constexpr u32 kLeaves = 32; // in each of the three ranges
    u8 first[3][kLeaves];              // 1 + number of the leaf's first entry; 0: none
    u8 entries_of[3][kLeaves];
    CpuidEntry entries[manifest::kMaxCpuidRules];
};
static_assert(sizeof(CpuidTable) <= kPageSize);

// The manifest as one CPU's decisions see it.
struct Manifest {
    const manifest::Partition* partition = nullptr;
    u32 partition_index = 0;
    Records<manifest::Cpu> cpus; // of this partition
    Records<manifest::PortRule> ports;
    Records<manifest::MsrRule> msrs;
    Records<manifest::Channel> channels; // all of them
    Records<manifest::Device> devices;   // of this partition, sorted by virtual_bdf
    Records<manifest::Bar> bars;         // all of them
    Records<manifest::PciRegister> pci_registers; // all of them
    DeviceStates device_states;
    const CpuidTable* cpuid = nullptr;
    manifest::ApicMode apic = manifest::ApicMode::x2apic;
    bool has_heartbeat = false; // the partition has promised one
    u64 tsc_hz = 0;
};

// A virtual 16550 without interrupts (registers the guest wrote, read back; the data path is the console ring).
struct Uart {
    u8 interrupt_enable = 0;
    u8 line_control = 0;
    u8 modem_control = 0;
    u8 scratch = 0;
    u8 divisor_low = 1;
    u8 divisor_high = 0;
    bool fifo = false;
};

// One CPU's own. Only that CPU writes it, but for `counters`, which others may read.
struct CpuState {
    u64 registers[kRegisters] = {};
    u32 vcpu = 0; // number inside the partition
    u32 apic_id = 0;
    u64 efer = 0; // as the guest sees it, refreshed by svm/ before an MSR decision
    u64 cr0 = 0;
    u64 cr4 = 0;  // refreshed before a CPUID decision
    bool nmi_pending = false;
    bool nmi_blocked = false; // the guest is in its NMI handler
    bool nmi_leaving = false; // the IRET that ends the handler was met at `iret_rip`, and may not be through yet
    bool waiting_for_sipi = false;
    u64 rip = 0; // where the guest stands, refreshed before mail is read
    u64 rsp = 0;
    u64 iret_rip = 0;
    u64 iret_rsp = 0;
    u64 icr = 0; // last written, for reading back under xAPIC
    u64 loop_rip = 0; // #DB and #AC: where it came from, and how often in a row
    u64 loop_rsp = 0;
    u32 loop_count = 0;
    u64 counters[kExitKinds] = {}; // exits by kind since launch
    DeviceEffect device; // what the effect kDevice is about
};

// Shared by the CPUs of one partition. Each field says who writes it and how; all are used through __atomic builtins.
struct PartitionState {
    u32 phase = 0;         // Phase, and while it closes why (closing_word); changed by compare-and-swap
    u32 parked = 0;        // CPUs that have left the guest while it closes; fetch-add, reset by the leader
    u32 launches = 0;      // leader only
    u32 restarts = 0;      // counted restarts so far; leader only
    u32 heartbeats = 0;    // since boot; fetch-add by its CPUs, read by the CPU that watches
    u32 pci_address = 0;   // CONFIG_ADDRESS, as last written by any of its CPUs
    u64 rung[(manifest::kMaxChannels + 63) / 64] = {}; // fetch-or by the writers' CPUs, fetch-and by this partition's
    Uart uart;             // single bytes; two CPUs of the partition may race for them, as on hardware
    Pit pit;               // in the same way
};

enum Phase : u32 { kLoading = 0, kRunning = 1, kClosing = 2, kStopped = 3 };

// What `phase` holds while the partition closes: the cause of its end too, so that nobody sees one without the other.
constexpr u32 closing_word(manifest::Cause cause) { return kClosing | static_cast<u32>(cause) << 8; }
constexpr manifest::Cause closing_cause(u32 word) { return static_cast<manifest::Cause>(word >> 8 & 0xFF); }

// The pause before counted restart `restarts` (1, 2, 3 …), in milliseconds: it doubles with each, up to 64 times.
constexpr u64 backoff_ms(u32 first_ms, u32 restarts) {
    constexpr u32 kMostDoublings = 6;
    const u32 doublings = restarts == 0 ? 0 : restarts - 1;
    return u64{first_ms} << (doublings < kMostDoublings ? doublings : kMostDoublings);
}

} // namespace septum::kernel::core
