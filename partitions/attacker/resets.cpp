// SPDX-License-Identifier: Apache-2.0
// Every known way to reset a PC.
#include "partitions/attacker/attack.hpp"

#include <septum/runtime/apic.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::attacker::resets {
namespace {

namespace cpu = guest::cpu;

constexpr u16 kResetControl = 0xCF9;
constexpr Result kWentThrough = breach("the access went through");

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};

} // namespace

Result control_register(const Try&) {
    cpu::out8(kResetControl, 0x06);
    return kWentThrough;
}

Result control_register_values(const Try& t) {
    constexpr u8 kValues[] = {0x0E, 0x04, 0x02, 0x00}; // ICH9 §13.7.5: full, soft, select hard, none
    cpu::out8(kResetControl, kValues[t.variant() % 4]);
    return kWentThrough;
}

Result control_register_by_word(const Try&) {
    cpu::out16(kResetControl - 1, 0x0600);
    return kWentThrough;
}

Result fast_reset(const Try&) {
    cpu::out8(0x92, 0x03);
    return kWentThrough;
}

Result keyboard_controller(const Try&) {
    for (u32 i = 0; i < 16; ++i) {
        cpu::out8(0x64, static_cast<u8>(0xF0 | i)); // pulse output lines; 0xFE is the reset line
        cpu::out8(0x64, 0xD1);                      // write output port: bit 0 is the reset line
        cpu::out8(0x60, 0x02);
    }
    return cpu::in8(0x64) == 0xFF ? nothing("there is none") : breach("it answers");
}

// No interrupt table, then an exception: the processor gives up.
Result triple_fault(const Try&) {
    constexpr TablePointer kNone{0, 0};
    asm volatile("lidt %0\n\tud2" : : "m"(kNone) : "memory");
    return breach("the processor went on");
}

// A table whose handlers have no stack: the exception's frame faults, and the double fault's too.
Result triple_fault_by_stack(const Try&) {
    static u64 gates[2 * 32];
    const u64 entry = reinterpret_cast<u64>(&triple_fault_by_stack);
    for (u64 vector = 0; vector < 32; ++vector) {
        gates[2 * vector] = (entry & 0xFFFF) | 0x8ULL << 16 | 0x8EULL << 40 | (entry >> 16 & 0xFFFF) << 48;
        gates[2 * vector + 1] = entry >> 32;
    }
    const TablePointer pointer{sizeof(gates) - 1, reinterpret_cast<u64>(gates)};
    asm volatile("lidt %0\n\tmovq %1, %%rsp\n\tud2" : : "m"(pointer), "r"(0x8000'0000'0000ULL) : "memory");
    return breach("the processor went on");
}

Result own_reset_port(const Try&) {
    cpu::out8(guest::kResetPort, 0x01);
    return kWentThrough;
}

Result own_call(const Try&) {
    guest::restart();
}

Result all_others_init(const Try& t) {
    for (u32 n = 0; n < 4; ++n) {
        guest::apic::command(t.foreign_cpu(n), guest::apic::kInit | guest::apic::kAssert);
    }
    return breach("it was sent");
}

} // namespace septum::attacker::resets
