// SPDX-License-Identifier: Apache-2.0
// intruder_misaligned_in_ring3(stack): to ring 3 (selectors: septum/runtime/interrupts.hpp) with alignment checks on;
// there a misaligned load, and if it is let pass, an instruction that ring 3 may not use, which ends it.
    .text
    .globl intruder_misaligned_in_ring3
    .type intruder_misaligned_in_ring3, @function
intruder_misaligned_in_ring3:
    pushq $0x1B             // SS
    pushq %rdi
    pushq $0x40002          // RFLAGS: AC, interrupts off
    pushq $0x23             // CS
    leaq 1f(%rip), %rax
    pushq %rax
    iretq
1:
    movl -3(%rsp), %eax     // bytes RSP − 3 …: not on a boundary of four
    cli
    ud2
    .size intruder_misaligned_in_ring3, . - intruder_misaligned_in_ring3

    .section .note.GNU-stack, "", @progbits
