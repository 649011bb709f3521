// SPDX-License-Identifier: Apache-2.0
// Touches what a test has written into its list, and says what came of it: the machine's own answer to what the
// verifier says is granted. The list is empty until a test fills it in the ELF file (tests/qemu/harness/probe.py).
#include <septum/runtime/apic.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::guest {
namespace {

enum class Op : u16 {
    read = 1,  // memory
    write = 2, // memory, read back
    in = 3,    // from a port: a byte or a doubleword
    out = 4,   // to a port: a byte or a doubleword
    read_msr = 5,
    write_msr = 6,
    cpuid = 7,        // ECX of leaf `address`
    wait = 8,         // until the memory is `value`, for some seconds at most
    execute = 9,      // writes a `ret` there and calls it
    call = 10,        // calls what stands there already
    listen = 11,      // until interrupt vector `address` comes, for some seconds at most
    rewrite_msr = 12, // the value that it has
};

struct Step {
    u16 op;
    u16 width; // bytes of an access: 1, 4 or 8
    u32 life;  // done when the launch count is this
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
    u16 width;
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
volatile u32* doubleword_at(u64 address) {
    return reinterpret_cast<volatile u32*>(address);
}
volatile u64* quadword_at(u64 address) {
    return reinterpret_cast<volatile u64*>(address);
}

// One access of that width: devices tell them apart.
u64 load(u64 address, u16 width) {
    switch (width) {
    case 8: return *quadword_at(address);
    case 4: return *doubleword_at(address);
    default: return *byte_at(address);
    }
}

void store(u64 address, u16 width, u64 value) {
    switch (width) {
    case 8: *quadword_at(address) = value; break;
    case 4: *doubleword_at(address) = static_cast<u32>(value); break;
    default: *byte_at(address) = static_cast<u8>(value);
    }
}

void perform(void* argument) {
    Doing& d = *static_cast<Doing*>(argument);
    switch (d.op) {
    case Op::read: d.answer = load(d.address, d.width); break;
    case Op::write:
        store(d.address, d.width, d.value);
        d.answer = load(d.address, d.width);
        break;
    case Op::in: {
        const u16 port = static_cast<u16>(d.address);
        d.answer = d.width == 4 ? cpu::in32(port) : cpu::in8(port);
        break;
    }
    case Op::out:
        if (d.width == 4) {
            cpu::out32(static_cast<u16>(d.address), static_cast<u32>(d.value));
        } else {
            cpu::out8(static_cast<u16>(d.address), static_cast<u8>(d.value));
        }
        break;
    case Op::read_msr: d.answer = cpu::read_msr(static_cast<u32>(d.address)); break;
    case Op::write_msr: cpu::write_msr(static_cast<u32>(d.address), d.value); break;
    case Op::rewrite_msr:
        d.answer = cpu::read_msr(static_cast<u32>(d.address));
        cpu::write_msr(static_cast<u32>(d.address), d.answer);
        break;
    case Op::cpuid: d.answer = cpu::cpuid(static_cast<u32>(d.address)).ecx; break;
    case Op::wait:
        for (const u64 start = cpu::timestamp(); cpu::timestamp() - start < kPatience;) {
            d.answer = load(d.address, d.width);
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
    case Op::execute: store(d.address, 1, kRet); [[fallthrough]];
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
        Doing doing{static_cast<Op>(script.steps[i].op), script.steps[i].width, script.steps[i].address,
                    script.steps[i].value, 0};
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
