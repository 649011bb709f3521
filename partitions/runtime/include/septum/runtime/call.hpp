// SPDX-License-Identifier: Apache-2.0
// Calls to the separation kernel (septum/guest/hypercall.hpp), by the instruction that the CPU's vendor has.
#pragma once

#include <septum/guest/hypercall.hpp>
#include <septum/types.hpp>

namespace septum::guest {

// Any number, any arguments: the answer is the kernel's.
u64 call_number(u32 number, u64 rdi = 0, u64 rsi = 0);

inline u64 call(Hypercall number, u64 rdi = 0, u64 rsi = 0) {
    return call_number(static_cast<u32>(number), rdi, rsi);
}

// VMware's timing calls, as a stock Linux makes them.
struct VmwareAnswer {
    u32 eax, ebx, ecx;
};
VmwareAnswer call_vmware(u32 command);

// Ends the partition for good.
[[noreturn]] void stop();

// Starts the partition anew, with fresh memory and the launch count one higher.
[[noreturn]] void restart();

} // namespace septum::guest
