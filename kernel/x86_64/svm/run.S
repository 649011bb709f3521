// SPDX-License-Identifier: Apache-2.0
// The world switch. RSP's top word holds the PerCpu; VMRUN saves and restores RSP and RAX, VMSAVE and VMLOAD the rest that
// both worlds use (APM 2 §15.5). GIF is clear whenever this code runs (§15.17).

.set RCX_AT, 0x08
.set RDX_AT, 0x10
.set RBX_AT, 0x18
.set RBP_AT, 0x28
.set RSI_AT, 0x30
.set RDI_AT, 0x38
.set R8_AT, 0x40
// Checked against PerCpu in svm.cpp.
.set VMCB_PA_AT, 0x1E0
.set HOST_VMCB_PA_AT, 0x1E8
.set STACK_AT, 0x1F0

.section .text
.code64
.balign 16
.globl svm_enter
svm_enter:
    mov STACK_AT(%rdi), %rsp
    mov %rdi, (%rsp)
    mov RCX_AT(%rdi), %rcx
    mov RDX_AT(%rdi), %rdx
    mov RBX_AT(%rdi), %rbx
    mov RBP_AT(%rdi), %rbp
    mov RSI_AT(%rdi), %rsi
    mov R8_AT + 0x00(%rdi), %r8
    mov R8_AT + 0x08(%rdi), %r9
    mov R8_AT + 0x10(%rdi), %r10
    mov R8_AT + 0x18(%rdi), %r11
    mov R8_AT + 0x20(%rdi), %r12
    mov R8_AT + 0x28(%rdi), %r13
    mov R8_AT + 0x30(%rdi), %r14
    mov R8_AT + 0x38(%rdi), %r15
    mov VMCB_PA_AT(%rdi), %rax
    mov RDI_AT(%rdi), %rdi
    vmload %rax
    vmrun %rax
    vmsave %rax
    push %rdi
    mov 8(%rsp), %rdi
    mov %rcx, RCX_AT(%rdi)
    mov %rdx, RDX_AT(%rdi)
    mov %rbx, RBX_AT(%rdi)
    mov %rbp, RBP_AT(%rdi)
    mov %rsi, RSI_AT(%rdi)
    mov %r8, R8_AT + 0x00(%rdi)
    mov %r9, R8_AT + 0x08(%rdi)
    mov %r10, R8_AT + 0x10(%rdi)
    mov %r11, R8_AT + 0x18(%rdi)
    mov %r12, R8_AT + 0x20(%rdi)
    mov %r13, R8_AT + 0x28(%rdi)
    mov %r14, R8_AT + 0x30(%rdi)
    mov %r15, R8_AT + 0x38(%rdi)
    pop RDI_AT(%rdi)
    mov HOST_VMCB_PA_AT(%rdi), %rax
    vmload %rax
    mov %rdi, %r12
    call svm_exit           // does not come back here: it enters again
