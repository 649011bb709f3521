// SPDX-License-Identifier: Apache-2.0
// Touches what a test has written into its list, and says what came of it: the machine's own answer to what the verifier
// says is granted. The list is empty until a test fills it in the ELF file (tests/qemu/harness/probe.py).
#include <septum/runtime/apic.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::guest {
namespace {

enum class Op : u32 {
    read = 1,  // a byte of memory
    write = 2, // a byte of memory, read back
    in = 3,    // a byte from a port
    out = 4,   // a byte to a port
    read_msr = 5,
    write_msr = 6,
    cpuid = 7,   // ECX of leaf `address`
    wait = 8,    // until the byte of memory is `value`, for some seconds at most
    execute = 9, // writes a `ret` there and calls it
    call = 10,   // calls what stands there already
    listen = 11, // until interrupt vector `address` comes, for some seconds at most
};

struct Step {
    u32 op;
    u32 life; // done when the launch count is this
    u64 address;
    u64 value;
};

constexpr u32 kSteps = 512;
constexpr u64 kMagic = 0x7E60'1A57'0B0E'5EEDULL;
constexpr u64 kPatience = 40'000'000'000; // cycles
constexpr u8 kRet = 0xC3;

struct Script {
    u64 magic;
    u64 count;
    Step steps[kSteps];
};
// Found by its magic in the file; volatile, so that nothing is worked out beforehand.
[[gnu::used]] volatile Script script = {kMagic, 0, {}};

struct Doing {
    Op op;
    u64 address;
    u64 value;
    u64 answer;
};

volatile u64 heard;
void hear(Frame&) {
    heard = heard + 1;
    apic::end_of_interrupt();
}

volatile u8* byte_at(u64 address) {
    return reinterpret_cast<volatile u8*>(address);
}

void perform(void* argument) {
    Doing& d = *static_cast<Doing*>(argument);
    switch (d.op) {
    case Op::read: d.answer = *byte_at(d.address); break;
    case Op::write:
        *byte_at(d.address) = static_cast<u8>(d.value);
        d.answer = *byte_at(d.address);
        break;
    case Op::in: d.answer = cpu::in8(static_cast<u16>(d.address)); break;
    case Op::out: cpu::out8(static_cast<u16>(d.address), static_cast<u8>(d.value)); break;
    case Op::read_msr: d.answer = cpu::read_msr(static_cast<u32>(d.address)); break;
    case Op::write_msr: cpu::write_msr(static_cast<u32>(d.address), d.value); break;
    case Op::cpuid: d.answer = cpu::cpuid(static_cast<u32>(d.address)).ecx; break;
    case Op::wait:
        for (const u64 start = cpu::timestamp(); cpu::timestamp() - start < kPatience;) {
            d.answer = *byte_at(d.address);
            if (d.answer == d.value) {
                return;
            }
            cpu::pause();
        }
        break;
    case Op::listen:
        heard = 0;
        on_vector(static_cast<u8>(d.address), hear);
        apic::enable();
        for (const u64 start = cpu::timestamp(); heard == 0 && cpu::timestamp() - start < kPatience;) {
            asm volatile("sti\n\tnop\n\tcli" : : : "memory");
        }
        d.answer = heard;
        break;
    case Op::execute: *byte_at(d.address) = kRet; [[fallthrough]];
    case Op::call: reinterpret_cast<void (*)()>(d.address)(); break;
    }
}

} // namespace

void partition_main(const Launch& launch) {
    const u64 count = script.count;
    for (u64 i = 0; i < count && i < kSteps; ++i) {
        if (script.steps[i].life != launch.count) {
            continue;
        }
        Doing doing{static_cast<Op>(script.steps[i].op), script.steps[i].address, script.steps[i].value, 0};
        say("step ", i, " begins");
        const u64 exception = attempt(perform, &doing);
        if (exception == kNoException) {
            say("step ", i, " gives ", Hex{doing.answer});
        } else {
            say("step ", i, " takes exception ", exception);
        }
    }
    say("life ", launch.count, " ends");
}

} // namespace septum::guest
