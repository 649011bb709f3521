// SPDX-License-Identifier: Apache-2.0
// Instructions that reach further than a program: each must be an exception of its own, or change nothing but itself.
#include "partitions/attacker/attack.hpp"

#include <septum/guest/hypercall.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::attacker::instructions {
namespace {

namespace cpu = guest::cpu;

constexpr u64 kDebug = 1;
constexpr u64 kInvalidOpcode = 6;
constexpr u64 kGeneralProtection = 13;

struct Instruction {
    void (*run)(void*);
    const char* name;
};

// Each must be an exception that says that there is no such thing, or that it may not.
template <u64 kCount>
Result all_refused(const Instruction (&instructions)[kCount]) {
    for (const Instruction& each : instructions) {
        const u64 ended = guest::attempt(each.run, nullptr);
        if (ended != kInvalidOpcode && ended != kGeneralProtection) {
            return breach(each.name);
        }
    }
    return nothing("an exception of its own");
}

struct Extended {
    u32 index;
    u64 value;
};
void set_extended(void* argument) {
    const auto& wanted = *static_cast<const Extended*>(argument);
    asm volatile("xsetbv"
                 :
                 : "c"(wanted.index), "a"(static_cast<u32>(wanted.value)), "d"(static_cast<u32>(wanted.value >> 32))
                 : "memory");
}
void get_extended(void* argument) {
    u32 low;
    u32 high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    static_cast<Extended*>(argument)->value = u64{high} << 32 | low;
}

void set_cr0(void* value) {
    cpu::write_cr0(*static_cast<const u64*>(value));
}
u64 read_cr4() {
    u64 value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
void set_cr4(void* value) {
    asm volatile("mov %0, %%cr4" : : "r"(*static_cast<const u64*>(value)) : "memory");
}
constexpr u64 kVirtualMachines = 1 << 13; // CR4.VMXE, the other vendor's
constexpr u64 kDefined = 0x77'1FFF;       // CR4's bits that this vendor has (APM 2 §3.1.3), and LA57
void set_cr8(void* value) {
    asm volatile("mov %0, %%cr8" : : "r"(*static_cast<const u64*>(value)) : "memory");
}

u32 steps;

} // namespace

Result leave_smm(const Try&) {
    constexpr Instruction kAll[] = {{[](void*) { asm volatile("rsm" : : : "memory"); }, "RSM ran"}};
    return all_refused(kAll);
}

Result monitor(const Try&) {
    constexpr Instruction kAll[] = {
        {[](void*) { asm volatile("monitor"
                                  :
                                  : "a"(0x20'0000), "c"(0), "d"(0)); }, "MONITOR ran"},
        {[](void*) { asm volatile("mwait"
                                  :
                                  : "a"(0), "c"(0)); }, "MWAIT ran"},
        {[](void*) { asm volatile("mwait"
                                  :
                                  : "a"(0x20), "c"(1)); }, "MWAIT ran"},
        {[](void*) { asm volatile(".byte 0x0f, 0x01, 0xfa"
                                  :
                                  : "a"(0x20'0000), "c"(0), "d"(0)); }, "MONITORX ran"},
        {[](void*) { asm volatile(".byte 0x0f, 0x01, 0xfb"
                                  :
                                  : "a"(0), "c"(0)); }, "MWAITX ran"},
    };
    return all_refused(kAll);
}

Result cache_storm(const Try&) {
    static u64 word = 0x1234;
    for (u32 i = 0; i < 2'000; ++i) {
        __atomic_store_n(&word, 0x1234 + i, __ATOMIC_RELEASE);
        asm volatile("invd" : : : "memory");
        if (__atomic_load_n(&word, __ATOMIC_ACQUIRE) < 0x1234) {
            return breach("INVD lost what was written");
        }
        asm volatile("wbinvd\n\twbinvd" : : : "memory");
    }
    return nothing("nobody's cache was dropped");
}

Result counters(const Try&) {
    constexpr Instruction kAll[] = {
        {[](void*) { asm volatile("rdpmc"
                                  :
                                  : "c"(0)
                                  : "rax", "rdx"); }, "RDPMC ran"},
        {[](void*) { asm volatile("rdpmc"
                                  :
                                  : "c"(0x4000'0000)
                                  : "rax", "rdx"); }, "RDPMC ran"},
        {[](void*) { asm volatile(".byte 0x0f, 0x01, 0xfd"
                                  :
                                  : "c"(0)
                                  : "rax", "rdx"); }, "RDPRU ran"},
        {[](void*) { asm volatile(".byte 0x0f, 0x01, 0xfd"
                                  :
                                  : "c"(1)
                                  : "rax", "rdx"); }, "RDPRU ran"},
    };
    return all_refused(kAll);
}

// APM 2 §11.5.2: XCR0 bit 0 is always one, bit 2 needs bit 1, the others are reserved or need more of the same.
Result extended_state(const Try&) {
    constexpr u64 kOsxsave = 1 << 18;
    u64 cr4 = read_cr4() | kOsxsave;
    if (guest::attempt(set_cr4, &cr4) != guest::kNoException) {
        return nothing("this CPU has no XSAVE");
    }
    Extended before{0, 0};
    if (guest::attempt(get_extended, &before) != guest::kNoException) {
        return nothing("this CPU has no XSAVE");
    }
    constexpr Extended kBad[] = {{0, 0},        {0, 2},     {0, 5},       {0, ~0ULL}, {0, 1ULL << 63},
                                 {0, 0x40 | 3}, {0, 8 | 3}, {0, 1 << 30}, {1, 1},     {~0U, 1}};
    for (Extended bad : kBad) {
        Extended now{0, 0};
        if (guest::attempt(set_extended, &bad) != kGeneralProtection ||
            guest::attempt(get_extended, &now) != guest::kNoException || now.value != before.value) {
            return breach("it was taken");
        }
        (void)cpu::cpuid(0xD); // an exit in that state
    }
    return nothing("general protection");
}

Result broadcast_flush(const Try&) {
    constexpr Instruction kAll[] = {
        {[](void*) { asm volatile(".byte 0x0f, 0x01, 0xfe"
                                  :
                                  : "a"(7), "c"(0), "d"(0)); }, "INVLPGB ran"},
        {[](void*) { asm volatile(".byte 0x0f, 0x01, 0xff"
                                  :
                                  :
                                  : "memory"); }, "TLBSYNC ran"},
        {[](void*) { asm volatile(".byte 0xf3, 0x0f, 0x01, 0xfa"
                                  :
                                  :
                                  : "memory"); }, "MCOMMIT ran"},
    };
    return all_refused(kAll);
}

// Whatever is taken must be a state that the processor can be entered in again: each is followed by an exit.
Result control_registers(const Try&) {
    const u64 cr0 = cpu::read_cr0();
    const u64 cr4 = read_cr4();
    constexpr u64 kNotWriteThrough = 1 << 29;
    constexpr u64 kCacheDisable = 1 << 30;
    constexpr u64 kNumericError = 1 << 5;
    constexpr u64 kTaskSwitched = 1 << 3;
    const u64 odd[] = {cr0 | kCacheDisable, cr0 | kNotWriteThrough | kCacheDisable, cr0 & ~kNumericError,
                       cr0 | kTaskSwitched};
    for (u64 value : odd) {
        (void)guest::attempt(set_cr0, &value);
        (void)cpu::cpuid(0);
        cpu::write_cr0(cr0);
    }
    for (u32 bit = 0; bit < 64; ++bit) {
        if ((kDefined >> bit & 1) == 0) {
            continue; // such a state is an attack of its own, below
        }
        u64 value = cr4 | 1ULL << bit;
        (void)guest::attempt(set_cr4, &value);
        (void)cpu::cpuid(0);
        value = cr4;
        set_cr4(&value);
    }
    for (u32 bit = 4; bit < 64; ++bit) {
        u64 value = 1ULL << bit;
        (void)guest::attempt(set_cr8, &value);
    }
    u64 value = 0;
    set_cr8(&value);
    return nothing("each was refused, or changed nothing but itself");
}

// States that VMRUN must refuse (APM 2 §15.5.1). A processor does not take them; an emulated one may, and then the
// kernel is told that it cannot be entered again.
Result illegal_state(const Try& t) {
    const u64 cr0 = cpu::read_cr0();
    constexpr u64 kNotWriteThrough = 1 << 29; // without cache disable
    const u64 illegal[] = {cr0 | kNotWriteThrough, cr0 | 1ULL << 32, cr0 | 1ULL << 63};
    const u64 cr4 = read_cr4();
    u64 value = t.variant() < 3 ? illegal[t.variant()] : cr4 | kVirtualMachines;
    const u64 ended = guest::attempt(t.variant() < 3 ? set_cr0 : set_cr4, &value);
    (void)cpu::cpuid(0);
    cpu::write_cr0(cr0);
    value = cr4;
    set_cr4(&value);
    return ended == kGeneralProtection ? nothing("general protection") : nothing("taken, and only its own");
}

// Long mode needs it (APM 2 §3.1.3). Where it is taken all the same, the next translation has no table to begin with.
Result leave_physical_extension(const Try&) {
    constexpr u64 kPhysicalExtension = 1 << 5; // CR4.PAE
    u64 value = read_cr4() & ~kPhysicalExtension;
    return guest::attempt(set_cr4, &value) == kGeneralProtection ? nothing("general protection")
                                                                 : breach("an illegal CR4 was taken");
}

Result debug_registers(const Try&) {
    constexpr Instruction kAll[] = {
        {[](void*) { asm volatile("mov %0, %%dr7"
                                  :
                                  : "r"(1ULL << 32)); }, "a wide DR7 was taken"},
        {[](void*) { asm volatile("mov %0, %%dr7"
                                  :
                                  : "r"(1ULL << 63)); }, "a wide DR7 was taken"},
        {[](void*) { asm volatile("mov %0, %%dr6"
                                  :
                                  : "r"(1ULL << 32)); }, "a wide DR6 was taken"},
    };
    return all_refused(kAll);
}

// Fifteen bytes are the most (APM 3 §1.1).
Result too_long(const Try&) {
    static u8 code[3][32];
    const u32 own = guest::this_processor() % 3;
    constexpr u8 kPrefixes[] = {0x66, 0x2E, 0xF3};
    for (const u8 prefix : kPrefixes) {
        for (u32 i = 0; i < 15; ++i) {
            code[own][i] = prefix;
        }
        code[own][15] = 0x0F; // CPUID
        code[own][16] = 0xA2;
        code[own][17] = 0xC3;
        const u64 ended = guest::attempt([](void* at) { reinterpret_cast<void (*)()>(at)(); }, code[own]);
        if (ended != kGeneralProtection) {
            return breach("it ran");
        }
    }
    return nothing("general protection");
}

// Where the processor does not say how long the instruction was, the kernel takes the plain length, and a guest with
// prefixes goes on inside its own instruction. That is its own affair: here the rest of CPUID is a store to a
// non-canonical address.
Result prefixed_exits(const Try&) {
    static u8 code[guest::kMostProcessors][32];
    u8* own = code[guest::this_processor()];
    constexpr u8 kPrefixes[] = {0x66, 0x67, 0xF2, 0xF3, 0x2E, 0x48, 0x4F};
    for (const u8 prefix : kPrefixes) {
        for (u32 i = 0; i < 32; ++i) {
            own[i] = 0x90;
        }
        own[0] = prefix;
        own[1] = 0x0F;
        own[2] = 0xA2;
        own[24] = 0xC3;
        const u64 ended = guest::attempt(
            [](void* at) {
                asm volatile("call *%0" : : "r"(at) : "rax", "rbx", "rcx", "rdx", "memory");
            },
            own);
        if (ended != guest::kNoException && ended != kGeneralProtection && ended != kInvalidOpcode) {
            return breach("another exception");
        }
    }
    return nothing("it went on in its own code");
}

Result stepped_exits(const Try& t) {
    guest::on_vector(static_cast<u8>(kDebug), [](guest::Frame&) { ++steps; });
    u32 eax = static_cast<u32>(guest::Hypercall::version);
    asm volatile("pushfq\n\t"
                 "orq $0x100, (%%rsp)\n\t"
                 "popfq\n\t"
                 "vmmcall\n\t"
                 "cpuid\n\t"
                 "inb $0x80, %%al\n\t"
                 "movl $0x1b, %%ecx\n\t"
                 "rdmsr\n\t"
                 "wbinvd\n\t"
                 "pushfq\n\t"
                 "andq $~0x100, (%%rsp)\n\t"
                 "popfq"
                 : "+a"(eax)
                 :
                 : "rbx", "rcx", "rdx", "memory", "cc");
    guest::on_vector(static_cast<u8>(kDebug), nullptr);
    t.note(steps, " steps");
    return steps >= 8 && steps <= 10 ? nothing("each was one step") : breach("steps were lost or doubled");
}

Result secure_mode(const Try&) {
    constexpr Instruction kAll[] = {
        {[](void*) { asm volatile(".byte 0x0f, 0x37"
                                  :
                                  : "a"(0), "b"(0), "c"(0)
                                  : "memory"); }, "GETSEC ran"},
        {[](void*) { asm volatile(".byte 0x0f, 0x01, 0xcf"
                                  :
                                  : "a"(0), "b"(0), "c"(0)
                                  : "memory"); }, "ENCLS ran"},
        {[](void*) { asm volatile(".byte 0x0f, 0x01, 0xd7"
                                  :
                                  : "a"(0), "b"(0), "c"(0)
                                  : "memory"); }, "ENCLU ran"},
        {[](void*) { asm volatile(".byte 0x0f, 0x01, 0xc5"
                                  :
                                  : "a"(0), "b"(0), "c"(0)
                                  : "memory"); }, "PCONFIG ran"},
        {[](void*) { asm volatile(".byte 0x66, 0x0f, 0x01, 0xcf"
                                  :
                                  : "a"(0)
                                  : "memory"); }, "SEAMCALL ran"},
        {[](void*) { asm volatile(".byte 0xf3, 0x0f, 0x01, 0xff"
                                  :
                                  : "a"(0)
                                  : "memory"); }, "PSMASH ran"},
        {[](void*) { asm volatile(".byte 0xf2, 0x0f, 0x01, 0xff"
                                  :
                                  : "a"(0)
                                  : "memory"); }, "PVALIDATE ran"},
        {[](void*) { asm volatile(".byte 0xf3, 0x0f, 0x01, 0xfe"
                                  :
                                  : "a"(0)
                                  : "memory"); }, "RMPADJUST ran"},
    };
    return all_refused(kAll);
}

} // namespace septum::attacker::instructions
