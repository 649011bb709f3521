// SPDX-License-Identifier: Apache-2.0
// Hypercalls: VMMCALL (SVM) or VMCALL (VMX), from CPL 0 only (else #UD). EAX holds the number, arguments in RDI and RSI,
// the result in RAX; no other register changes. An unknown number answers kUnknown.
#pragma once

#include <septum/types.hpp>

namespace septum::guest {

enum class Hypercall : u32 {
    version = 0x5345'5000,  // → interface version, 1
    doorbell = 0x5345'5001, // RDI: channel index → 0, or kDenied when this partition is not its writer or it has no bell
    pending = 0x5345'5002,  // → the next rung channel to this partition, cleared by reading; kNone when there is none
    stop = 0x5345'5003,     // stop this partition for good; does not return
    restart = 0x5345'5004,  // restart this partition (by its own wish: not counted against restart_limit); does not return
    heartbeat = 0x5345'5005, // this partition is alive → 0, or kDenied when it has promised no heartbeat
};
inline constexpr u64 kInterfaceVersion = 2;
inline constexpr u64 kUnknown = ~0ULL;
inline constexpr u64 kDenied = ~0ULL - 1;
inline constexpr u64 kNone = ~0ULL - 2;

// VMware's timing interface (the two calls a stock Linux makes): EAX = kVmwareMagic, ECX low 16 bits = command.
inline constexpr u32 kVmwareMagic = 0x564D'5868;
inline constexpr u32 kVmwareGetHz = 45;      // → EBX:EAX = TSC Hz, ECX = APIC timer Hz
inline constexpr u32 kVmwareGetVcpuInfo = 68; // → EAX = 8: x2APIC usable without interrupt remapping

} // namespace septum::guest
