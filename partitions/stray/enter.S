// SPDX-License-Identifier: Apache-2.0
// stray_enter(registers, code, stack, ring): loads the general registers (Registers in cage.cpp) and begins the snippet, in
// ring 0 or 3, with interrupts off.
    .text
    .globl stray_enter
    .type stray_enter, @function
stray_enter:
    movq %rdi, %rax
    testq %rcx, %rcx
    jz 1f
    pushq $0x1B             // SS, ring 3
    pushq %rdx
    pushq $2
    pushq $0x23             // CS, ring 3
    jmp 2f
1:  pushq $0x10
    pushq %rdx
    pushq $2
    pushq $0x08
2:  pushq %rsi
    movq 8(%rax), %rbx
    movq 16(%rax), %rcx
    movq 24(%rax), %rdx
    movq 32(%rax), %rsi
    movq 40(%rax), %rdi
    movq 48(%rax), %rbp
    movq 56(%rax), %r8
    movq 64(%rax), %r9
    movq 72(%rax), %r10
    movq 80(%rax), %r11
    movq 88(%rax), %r12
    movq 96(%rax), %r13
    movq 104(%rax), %r14
    movq 112(%rax), %r15
    movq (%rax), %rax
    iretq
    .size stray_enter, . - stray_enter

    .section .note.GNU-stack, "", @progbits
