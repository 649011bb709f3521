// SPDX-License-Identifier: Apache-2.0
// One entry per vector, 16 bytes apart, and the common way into C++ and back. The pushes make
// septum::guest::Frame (septum/runtime/interrupts.hpp).

    .text
    .balign 16
    .globl septum_guest_vectors
septum_guest_vectors:
    .set vector, 0
    .rept 256
    .balign 16
    // The CPU itself pushes an error code for these (APM 2 §8.2).
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    jmp common
    .set vector, vector + 1
    .endr

common:
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi         // 16-byte aligned: the CPU aligned RSP, and 22 words were pushed
    call septum_guest_vector
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp          // vector and error code
    iretq

// u64 septum_guest_attempt(function, argument): see septum::guest::attempt. When an exception ends the function, the
// handler returns to septum_guest_attempt_failed with RSP as saved here and RAX = the vector.
    .globl septum_guest_attempt
    .type septum_guest_attempt, @function
septum_guest_attempt:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, %gs:0         // Processor::attempt_stack
    movq %rdi, %rax
    movq %rsi, %rdi
    subq $8, %rsp
    call *%rax
    addq $8, %rsp
    movq $-1, %rax
    .globl septum_guest_attempt_failed
septum_guest_attempt_failed:
    movq $0, %gs:0
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size septum_guest_attempt, . - septum_guest_attempt

    .section .note.GNU-stack, "", @progbits
