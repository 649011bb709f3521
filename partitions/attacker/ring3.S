// SPDX-License-Identifier: Apache-2.0
// Into ring 3 (selectors: septum/runtime/interrupts.hpp). None of these comes back but by an exception.
    .text

// attacker_misaligned_in_ring3(stack): with alignment checks on; there a misaligned load, and if it is let pass, an
// instruction that ring 3 may not use, which ends it.
    .globl attacker_misaligned_in_ring3
    .type attacker_misaligned_in_ring3, @function
attacker_misaligned_in_ring3:
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
    .size attacker_misaligned_in_ring3, . - attacker_misaligned_in_ring3

// attacker_out_in_ring3(stack, port, value): with IOPL 3.
    .globl attacker_out_in_ring3
    .type attacker_out_in_ring3, @function
attacker_out_in_ring3:
    movq %rdx, %rcx
    pushq $0x1B
    pushq %rdi
    pushq $0x3002           // RFLAGS: IOPL 3, interrupts off
    pushq $0x23
    leaq 1f(%rip), %rax
    pushq %rax
    iretq
1:
    movl %esi, %edx
    movl %ecx, %eax
    outb %al, %dx
    ud2
    .size attacker_out_in_ring3, . - attacker_out_in_ring3

// attacker_call_in_ring3(stack, code, RAX): jumps to code in ring 3.
    .globl attacker_call_in_ring3
    .type attacker_call_in_ring3, @function
attacker_call_in_ring3:
    movq %rdx, %rax
    movl $1, %ecx
    pushq $0x1B
    pushq %rdi
    pushq $0x0002
    pushq $0x23
    pushq %rsi
    iretq
    .size attacker_call_in_ring3, . - attacker_call_in_ring3

    .section .note.GNU-stack, "", @progbits
