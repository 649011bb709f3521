// SPDX-License-Identifier: Apache-2.0
// Being a hypervisor itself (APM 2 §15). Each instruction must end the launch before it does anything.
#include "partitions/intruder/attack.hpp"

namespace septum::intruder::virtualisation {
namespace {

constexpr Result kRan = breach("it ran");
constexpr u64 kBlock = 0x20'0000; // some page of its own memory

} // namespace

Result vmrun(const Try& t) {
    t.say("run a guest of its own: VMRUN");
    asm volatile("vmrun %%rax" : : "a"(kBlock) : "memory");
    return kRan;
}

Result vmload(const Try& t) {
    t.say("load segment state past every check: VMLOAD");
    asm volatile("vmload %%rax" : : "a"(kBlock) : "memory");
    return kRan;
}

Result clgi(const Try& t) {
    t.say("hold off even the kernel's own interrupts: CLGI");
    asm volatile("clgi" : : : "memory");
    return kRan;
}

Result skinit(const Try& t) {
    t.say("restart the machine into its own code: SKINIT");
    asm volatile("skinit %%eax" : : "a"(static_cast<u32>(kBlock)) : "memory");
    return kRan;
}

Result invlpga(const Try& t) {
    t.say("drop the others' translations: INVLPGA");
    asm volatile("invlpga %%rax, %%ecx" : : "a"(0UL), "c"(1U) : "memory");
    return kRan;
}

} // namespace septum::intruder::virtualisation
