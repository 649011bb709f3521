// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/call.hpp>

#include <septum/runtime/cpu.hpp>

namespace septum::guest {
namespace {

enum class Vendor : u8 { unknown, amd, intel };
Vendor vendor;

Vendor find_vendor() {
    constexpr u32 kGenu = 0x756E'6547; // EBX of leaf 0: the first four letters of "GenuineIntel"
    return cpu::cpuid(0).ebx == kGenu ? Vendor::intel : Vendor::amd;
}

} // namespace

u64 call_number(u32 number, u64 rdi, u64 rsi) {
    if (vendor == Vendor::unknown) {
        vendor = find_vendor();
    }
    u64 rax = number;
    if (vendor == Vendor::intel) {
        asm volatile("vmcall" : "+a"(rax) : "D"(rdi), "S"(rsi) : "memory");
    } else {
        asm volatile("vmmcall" : "+a"(rax) : "D"(rdi), "S"(rsi) : "memory");
    }
    return rax;
}

VmwareAnswer call_vmware(u32 command) {
    if (vendor == Vendor::unknown) {
        vendor = find_vendor();
    }
    u64 rax = kVmwareMagic;
    u64 rbx = 0;
    u64 rcx = command;
    u64 rdx = 0;
    if (vendor == Vendor::intel) {
        asm volatile("vmcall" : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx) : : "memory");
    } else {
        asm volatile("vmmcall" : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx) : : "memory");
    }
    return {static_cast<u32>(rax), static_cast<u32>(rbx), static_cast<u32>(rcx)};
}

void stop() {
    (void)call(Hypercall::stop);
    for (;;) { // not reached: the call does not return
        asm volatile("cli\n\thlt" : : : "memory");
    }
}

void restart() {
    (void)call(Hypercall::restart);
    stop();
}

} // namespace septum::guest
