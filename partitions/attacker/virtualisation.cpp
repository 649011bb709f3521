// SPDX-License-Identifier: Apache-2.0
// Being a hypervisor itself (APM 2 §15). Each instruction must end the launch before it does anything.
#include "partitions/attacker/attack.hpp"
#include "partitions/attacker/own_tables.hpp"

#include <septum/runtime/interrupts.hpp>

extern "C" {
// ring3.S: runs code in ring 3, on the given stack, with RAX and ECX = 1.
[[noreturn]] void attacker_call_in_ring3(septum::u64 stack, const void* code, septum::u64 rax);
}

namespace septum::attacker::virtualisation {
namespace {

constexpr Result kRan = breach("it ran");
constexpr u64 kBlock = 0x20'0000; // some page of its own memory
constexpr u64 kHostBlock = 0x3000'0000;
constexpr u64 kInvalidOpcode = 6;
constexpr u64 kGeneralProtection = 13;

alignas(16) u8 user_stack[4096];

// The instructions, each followed by UD2: to come that far is to have run.
constexpr u8 kInRing3[8][8] = {
    {0x0F, 0x01, 0xD8, 0x0F, 0x0B}, // VMRUN
    {0x0F, 0x01, 0xDA, 0x0F, 0x0B}, // VMLOAD
    {0x0F, 0x01, 0xDB, 0x0F, 0x0B}, // VMSAVE
    {0x0F, 0x01, 0xDC, 0x0F, 0x0B}, // STGI
    {0x0F, 0x01, 0xDD, 0x0F, 0x0B}, // CLGI
    {0x0F, 0x01, 0xDE, 0x0F, 0x0B}, // SKINIT
    {0x0F, 0x01, 0xDF, 0x0F, 0x0B}, // INVLPGA
    {0x0F, 0x01, 0xD9, 0x0F, 0x0B}, // VMMCALL
};
u8 in_ring3[8]; // a copy: the page tables that it makes let ring 3 run its data

struct Other {
    void (*run)(void*);
    const char* name;
    bool is_exchange =
        false; // opcode 0F C7 with a memory operand, which some emulators take for CMPXCHG8B whatever else it says
};

} // namespace

Result vmrun(const Try&) {
    asm volatile("vmrun %%rax" : : "a"(kBlock) : "memory");
    return kRan;
}

Result vmload(const Try&) {
    asm volatile("vmload %%rax" : : "a"(kBlock) : "memory");
    return kRan;
}

Result clgi(const Try&) {
    asm volatile("clgi" : : : "memory");
    return kRan;
}

Result skinit(const Try&) {
    asm volatile("skinit %%eax" : : "a"(static_cast<u32>(kBlock)) : "memory");
    return kRan;
}

Result invlpga(const Try&) {
    asm volatile("invlpga %%rax, %%ecx" : : "a"(0UL), "c"(1U) : "memory");
    return kRan;
}

Result vmsave(const Try&) {
    asm volatile("vmsave %%rax" : : "a"(kHostBlock) : "memory");
    return kRan;
}

Result stgi(const Try&) {
    asm volatile("stgi" : : : "memory");
    return kRan;
}

Result vmx(const Try&) {
    static u64 block = kBlock;
    constexpr Other kOthers[] = {
        {[](void* b) { asm volatile("vmxon %0"
                                    :
                                    : "m"(*static_cast<u64*>(b))
                                    : "memory"); }, "vmxon", true},
        {[](void*) { asm volatile("vmxoff"
                                  :
                                  :
                                  : "memory"); }, "vmxoff"},
        {[](void* b) { asm volatile("vmclear %0"
                                    :
                                    : "m"(*static_cast<u64*>(b))
                                    : "memory"); }, "vmclear", true},
        {[](void* b) { asm volatile("vmptrld %0"
                                    :
                                    : "m"(*static_cast<u64*>(b))
                                    : "memory"); }, "vmptrld", true},
        {[](void*) { asm volatile("vmlaunch"
                                  :
                                  :
                                  : "memory"); }, "vmlaunch"},
        {[](void*) { asm volatile("vmresume"
                                  :
                                  :
                                  : "memory"); }, "vmresume"},
        {[](void*) { asm volatile("vmread %%rax, %%rcx"
                                  :
                                  : "a"(0), "c"(0)
                                  : "memory"); }, "vmread"},
        {[](void*) { asm volatile("vmwrite %%rax, %%rcx"
                                  :
                                  : "a"(0), "c"(0)
                                  : "memory"); }, "vmwrite"},
        {[](void*) { asm volatile("vmfunc"
                                  :
                                  : "a"(0), "c"(0)
                                  : "memory"); }, "vmfunc"},
        {[](void* b) { asm volatile("invept (%0), %1"
                                    :
                                    : "r"(b), "r"(2ULL)
                                    : "memory"); }, "invept"},
        {[](void*) { asm volatile("vmcall"
                                  :
                                  : "a"(0)
                                  : "memory"); }, "vmcall"},
    };
    for (const Other& other : kOthers) {
        const u64 ended = guest::attempt(other.run, &block);
        if (ended != kInvalidOpcode && !(other.is_exchange && ended == guest::kNoException)) {
            return breach(other.name);
        }
    }
    return nothing("this CPU has none of them");
}

// Privileged, so ring 3 gets an exception of its own and the kernel hears nothing (APM 2 §15.9: exceptions go before
// intercepts); some emulators see the intercept first. VMMCALL exits, and the kernel answers it as an instruction that
// there is not.
Result from_ring3(const Try& t) {
    map_everything(0);
    for (u32 i = 0; i < sizeof(in_ring3); ++i) {
        in_ring3[i] = kInRing3[t.variant() % 8][i];
    }
    const u64 ended = guest::attempt(
        [](void*) { attacker_call_in_ring3(reinterpret_cast<u64>(user_stack) + sizeof(user_stack), in_ring3, kBlock); },
        nullptr);
    return ended == kGeneralProtection || ended == kInvalidOpcode ? nothing("an exception of its own")
                                                                  : breach("another exception");
}

} // namespace septum::attacker::virtualisation
