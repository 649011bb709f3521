// SPDX-License-Identifier: Apache-2.0
#include "kernel/x86_64/apic/local_apic.hpp"

#include "kernel/x86_64/cpu/tables.hpp"

namespace septum::kernel::apic {

namespace {

constexpr u32 kMasked = 1u << 16;
constexpr u32 kWords = 8;           // ISR and IRR are 256 bits in eight registers
constexpr u32 kMostInterrupts = 256;

bool any(manifest::ApicMode mode, u32 first) {
    for (u32 i = 0; i < kWords; i++) {
        if (read(mode, first + i) != 0) {
            return true;
        }
    }
    return false;
}

} // namespace

void quiesce(manifest::ApicMode mode) {
    for (u32 lvt = kLvtTimer; lvt <= kLvtError; lvt++) {
        write(mode, lvt, kMasked);
    }
    write(mode, kInitialCount, 0);
    write(mode, kTpr, 0);
    write(mode, kSvr, 0x1FF); // software-enabled: pending interrupts can only be taken, not dropped
    for (u32 i = 0; i < kMostInterrupts && any(mode, kIsr); i++) {
        write(mode, kEoi, 0);
    }
    for (u32 i = 0; i < kMostInterrupts && any(mode, kIrr); i++) {
        cpu::take_interrupts();
    }
    write(mode, kEsr, 0);
    write(mode, kDivide, 0);
    write(mode, kSvr, 0xFF); // what a reset leaves
}

} // namespace septum::kernel::apic
