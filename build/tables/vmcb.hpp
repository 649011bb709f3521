// SPDX-License-Identifier: Apache-2.0
// VMCB templates (APM 2 §15.5, appendix B): what the kernel copies into a CPU's VMCB at launch.
#pragma once

#include "build/tables/bytes.hpp"

#include <septum/types.hpp>

namespace septum::build {

struct VmcbControl {
    std::uint32_t asid = 0;
    Hpa iopm;
    Hpa msrpm;
    Hpa npt_root;
};

// How a boot CPU is entered: CPL 0, flat segments, interrupts off.
enum class EntryMode : std::uint8_t {
    long64,      // 64-bit mode, on the tables at `cr3`
    protected32, // 32-bit protected mode, paging off: what PVH and Multiboot promise
};
struct VmcbEntry {
    EntryMode mode = EntryMode::long64;
    std::uint64_t rip = 0;
    std::uint64_t rsp = 0;
    std::uint64_t cr3 = 0; // guest-physical; long64 only
    std::uint64_t rax = 0;
};

// `out` is one zeroed page.
void write_boot_vmcb(const VmcbControl& control, const VmcbEntry& entry, ByteSpan out);

// Any other CPU: the state after INIT (APM 2 §14.1.3), which the kernel completes with the SIPI's vector.
void write_ap_vmcb(const VmcbControl& control, ByteSpan out);

} // namespace septum::build
