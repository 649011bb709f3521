// SPDX-License-Identifier: Apache-2.0
// Two CPUs of its own: what one does while the kernel takes the other back, starts it, or decides for it.
#include "partitions/attacker/attack.hpp"
#include "partitions/attacker/own_tables.hpp"

#include <septum/runtime/apic.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

extern "C" {
// ring3.S: runs code in ring 3, on the given stack.
[[noreturn]] void attacker_call_in_ring3(septum::u64 stack, const void* code, septum::u64 rax);
}

namespace septum::attacker::pairs {
namespace {

namespace apic = guest::apic;
namespace cpu = guest::cpu;

constexpr u8 kVector = 0x42;
constexpr u8 kNmi = 2;
constexpr u8 kDebug = 1;
constexpr u16 kReset = 0xCF9;
constexpr u64 kHostMemory = 0x3000'0000;
constexpr Result kNotStarted = breach("its other CPU did not start");

alignas(16) u8 user_stack[4096];
constexpr u8 kJumpToItself[] = {0xEB, 0xFE};
u8 in_ring3[2]; // a copy: data that ring 3 may run

u32 flag;
u32 count[guest::kMostProcessors];

void wait_for_flag() {
    while (__atomic_load_n(&flag, __ATOMIC_ACQUIRE) == 0) {
        cpu::pause();
    }
}
void raise_flag() {
    __atomic_store_n(&flag, 1U, __ATOMIC_RELEASE);
}

void wait_milliseconds(u64 milliseconds) {
    const u64 hz = guest::tsc_hz();
    const u64 begin = cpu::timestamp();
    while (cpu::timestamp() - begin < hz / 1000 * milliseconds) {
        cpu::pause();
    }
}

u32 id_of(u32 n) {
    return reinterpret_cast<const guest::Info*>(guest::kInfoBase)->apic_ids[n];
}

// What the other CPU does, for ever.
constexpr u32 kWays = 8;
void keep_busy(u32 way) {
    switch (way) {
    case 0: asm volatile("cli\n1:\tjmp 1b" : : : "memory"); break;
    case 1: asm volatile("cli\n1:\thlt\n\tjmp 1b" : : : "memory"); break;
    case 2:
        for (;;) {
            (void)cpu::cpuid(0);
        }
    case 3:
        asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n1:\tnop\n\tnop\n\tjmp 1b" : : : "memory", "cc");
        break;
    case 4:
        for (;;) {
            apic::command(id_of(1), apic::kNmi | apic::kAssert);
        }
    case 5: asm volatile("cli\n1:\tjmp 1b" : : : "memory"); break; // until it is sent INIT
    case 6:
        for (;;) {
            cpu::out8(guest::kUartPort, '\r'); // does not pass, and fills the buffer all the same
        }
    default: attacker_call_in_ring3(reinterpret_cast<u64>(user_stack) + sizeof(user_stack), in_ring3, 0);
    }
}

u32 way_of_other;
void busy(u32 /*n*/) {
    raise_flag();
    keep_busy(way_of_other);
}

bool make_other_busy(u32 way) {
    way_of_other = way;
    for (u32 i = 0; i < sizeof(in_ring3); ++i) {
        in_ring3[i] = kJumpToItself[i];
    }
    guest::on_vector(kNmi, [](guest::Frame&) {});
    guest::on_vector(kDebug, [](guest::Frame&) {});
    map_everything(0);
    if (!guest::start_processor(1, busy)) {
        return false;
    }
    wait_for_flag();
    wait_milliseconds(2);
    if (way == 5) {
        apic::command(id_of(1), apic::kInit | apic::kAssert);
        wait_milliseconds(1);
    }
    return true;
}

void count_it(guest::Frame&) {
    ++count[guest::this_processor()];
}

constexpr u32 kTimes = 1'000;
void send_to(u32 n, u64 command) {
    for (u32 i = 0; i < kTimes; ++i) {
        apic::command(id_of(n), command | apic::kAssert);
        asm volatile("sti\n\tnop\n\tcli" : : : "memory");
    }
    __atomic_add_fetch(&flag, 1U, __ATOMIC_ACQ_REL);
}

// Both send to each other; each must get some, and no more than were sent.
Result storm(void (*other)(u32), u64 command) {
    if (!guest::start_processor(1, other)) {
        return kNotStarted;
    }
    send_to(1, command);
    while (__atomic_load_n(&flag, __ATOMIC_ACQUIRE) != 2) {
        asm volatile("sti\n\tpause\n\tcli" : : : "memory");
    }
    for (u32 n = 0; n < 2; ++n) {
        if (count[n] == 0 || count[n] > kTimes) {
            return breach("wrong number of them");
        }
    }
    return nothing("they came to each other");
}

void raise_and_return(u32 /*n*/) {
    __atomic_add_fetch(&count[1], 1U, __ATOMIC_ACQ_REL);
}

volatile u8 code[16];
volatile u64* entry_to_change;
alignas(4096) u8 own_page[4096];

} // namespace

Result restart_while_busy(const Try& t) {
    if (!make_other_busy(t.variant() % kWays)) {
        return kNotStarted;
    }
    guest::restart();
}

Result fault_while_busy(const Try& t) {
    if (!make_other_busy(t.variant() % kWays)) {
        return kNotStarted;
    }
    (void)*reinterpret_cast<volatile u64*>(kHostMemory);
    return breach("the read came back");
}

Result fault_together(const Try&) {
    const bool started = guest::start_processor(1, [](u32) {
        wait_for_flag();
        cpu::out8(kReset, 0x06);
    });
    if (!started) {
        return kNotStarted;
    }
    raise_flag();
    cpu::out8(kReset, 0x06);
    return breach("the access went through");
}

Result restart_together(const Try& t) {
    static bool by_port;
    by_port = t.variant() == 1;
    const bool started = guest::start_processor(1, [](u32) {
        wait_for_flag();
        if (by_port) {
            cpu::out8(guest::kResetPort, 1);
        }
        guest::restart();
    });
    if (!started) {
        return kNotStarted;
    }
    raise_flag();
    guest::restart();
}

Result init_boot_cpu(const Try&) {
    const bool started = guest::start_processor(1, [](u32) {
        apic::command(id_of(0), apic::kInit | apic::kAssert);
        wait_milliseconds(5);
        guest::restart();
    });
    if (!started) {
        return kNotStarted;
    }
    wait_milliseconds(5'000);
    return breach("its boot CPU was not stopped");
}

Result start_storm(const Try&) {
    constexpr u32 kStarts = 50;
    for (u32 i = 0; i < kStarts; ++i) {
        if (!guest::start_processor(1, raise_and_return)) {
            return kNotStarted;
        }
    }
    return nothing("it started each time");
}

// In any order and faster than they can be served; whatever is lost, the next INIT and SIPI start it.
Result init_storm(const Try&) {
    if (!guest::start_processor(1, raise_and_return)) {
        return kNotStarted;
    }
    constexpr u64 kStartup = apic::kStartup | guest::kTrampoline / kPageSize;
    for (u32 i = 0; i < 300; ++i) {
        apic::command(id_of(1), apic::kInit | apic::kAssert);
        if (i % 3 != 0) {
            apic::command(id_of(1), kStartup | apic::kAssert);
        }
        if (i % 5 == 0) {
            apic::command(id_of(1), kStartup | apic::kAssert);
        }
    }
    return guest::start_processor(1, raise_and_return) ? nothing("it starts still") : kNotStarted;
}

Result nmi_storm_across(const Try&) {
    guest::on_vector(kNmi, count_it);
    return storm([](u32) { send_to(0, apic::kNmi); }, apic::kNmi);
}

Result interrupt_storm_across(const Try&) {
    guest::on_vector(kVector, count_it);
    return storm([](u32) { send_to(0, apic::kFixed | kVector); }, apic::kFixed | kVector);
}

// The kernel must decide by what exited, never by what the bytes say by then: OUT and IN of two absent ports, CPUID,
// HLT's neighbour NOP, over and over.
Result rewrite_instruction(const Try&) {
    constexpr u8 kReturn = 0xC3;
    code[0] = 0xE4;
    code[1] = 0x80;
    code[2] = kReturn;
    const bool started = guest::start_processor(1, [](u32) {
        raise_flag();
        for (;;) {
            const u8 opcodes[] = {0xE4, 0xE6, 0xE5, 0xE7};
            for (const u8 opcode : opcodes) { // IN and OUT of a byte and of a doubleword
                code[0] = opcode;
                code[1] = 0xED;
                code[1] = 0x80;
            }
        }
    });
    if (!started) {
        return kNotStarted;
    }
    wait_for_flag();
    for (u32 i = 0; i < 5'000; ++i) {
        asm volatile("call *%0" : : "r"(code), "a"(0) : "memory");
    }
    return nothing("nothing else was done");
}

Result remap_while_read(const Try&) {
    const u64 own = reinterpret_cast<u64>(own_page) | entry::kAll;
    const volatile u64* seen = map_by({kTableHere, kTableHere, kTableHere, own});
    entry_to_change = bottom_table();
    const bool started = guest::start_processor(1, [](u32) {
        const u64 inside = *entry_to_change;
        for (;;) {
            *entry_to_change = kHostMemory | entry::kAll;
            *entry_to_change = inside;
        }
    });
    if (!started) {
        return kNotStarted;
    }
    for (u32 i = 0; i < 1'000'000; ++i) {
        (void)*seen;
        asm volatile("invlpg (%0)" : : "r"(seen) : "memory");
    }
    return breach("it never led outside");
}

} // namespace septum::attacker::pairs
