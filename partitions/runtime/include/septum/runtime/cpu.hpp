// SPDX-License-Identifier: Apache-2.0
// The instructions C++ has no words for. Each wrapper is one instruction.
#pragma once

#include <septum/types.hpp>

namespace septum::guest::cpu {

inline void out8(u16 port, u8 value) {
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void out16(u16 port, u16 value) {
    asm volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void out32(u16 port, u32 value) {
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

inline u8 in8(u16 port) {
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

inline u16 in16(u16 port) {
    u16 value;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

inline u32 in32(u16 port) {
    u32 value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

inline u64 read_msr(u32 msr) {
    u32 low;
    u32 high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return u64{high} << 32 | low;
}

inline void write_msr(u32 msr, u64 value) {
    asm volatile("wrmsr" : : "c"(msr), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)) : "memory");
}

struct CpuidAnswer {
    u32 eax, ebx, ecx, edx;
};

inline CpuidAnswer cpuid(u32 leaf, u32 subleaf = 0) {
    CpuidAnswer a{};
    asm volatile("cpuid" : "=a"(a.eax), "=b"(a.ebx), "=c"(a.ecx), "=d"(a.edx) : "a"(leaf), "c"(subleaf));
    return a;
}

// Time-stamp counter, after every earlier load and before every later instruction (APM 3, RDTSC; LFENCE).
inline u64 timestamp() {
    u32 low;
    u32 high;
    asm volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
    return u64{high} << 32 | low;
}

inline u64 read_cr0() {
    u64 value;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}
inline void write_cr0(u64 value) {
    asm volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

inline u64 read_cr2() {
    u64 value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

inline u64 read_cr3() {
    u64 value;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}
inline void write_cr3(u64 value) {
    asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

inline void interrupts_off() {
    asm volatile("cli" : : : "memory");
}

// Sleeps until an interrupt was taken. Call it with interrupts off: STI keeps them off for one more instruction, so
// one that became pending after the caller's last look still ends the HLT. Returns with interrupts off.
inline void sleep() {
    asm volatile("sti\n\thlt\n\tcli" : : : "memory");
}

inline void pause() {
    asm volatile("pause" : : : "memory");
}

} // namespace septum::guest::cpu
