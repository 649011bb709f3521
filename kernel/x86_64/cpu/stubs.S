// SPDX-License-Identifier: Apache-2.0
// Interrupt and exception entries of the kernel itself (APM 2 §8.9). None of them is part of a guest's life: an exception
// ends the kernel in a report, an NMI only ends a wait, and device vectors are only ended.

.section .text
.code64

// One entry for each of vectors 0..31, 16 bytes apart; those without an error code push a zero in its place.
.balign 16
.globl exception_entries
exception_entries:
.set vector, 0
.rept 32
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    jmp exception_common
    .set vector, vector + 1
.endr

exception_common:
    cld
    push %r15               // in the processor's numbering from RSP up
    push %r14
    push %r13
    push %r12
    push %r11
    push %r10
    push %r9
    push %r8
    push %rdi
    push %rsi
    push %rbp
    push 16 * 8(%rsp)       // RSP: eleven registers, vector, error code, RIP, CS and RFLAGS lie before it
    push %rbx
    push %rdx
    push %rcx
    push %rax
    mov %rsp, %rdi          // the registers, vector, error code, RIP, CS, RFLAGS, RSP, SS
    and $-16, %rsp
    call kernel_exception   // does not return
    ud2

// An NMI is a knock on the door: the mailbox says why. It only has to end the wait below, wherever in it it strikes.
.balign 16
.globl nmi_entry
nmi_entry:
    push %rax
    push %rcx
    mov 16(%rsp), %rax
    lea wait_first(%rip), %rcx
    cmp %rcx, %rax
    jb 1f
    lea wait_last(%rip), %rcx
    cmp %rcx, %rax
    ja 1f
    mov %rcx, 16(%rsp)
1:  pop %rcx
    pop %rax
    iretq

// Sleeps until the mailbox at RDI is not empty or an NMI has come. GIF is clear before and after; IF is clear throughout.
.balign 16
.globl wait_for_knock
wait_for_knock:
    stgi
wait_first:
    cmpl $0, (%rdi)
    jne wait_last
    hlt
wait_last:
    clgi
    ret

// Takes the pending NMI that an intercept has left pending.
.balign 16
.globl swallow_nmi
swallow_nmi:
    stgi
    nop
    clgi
    ret

// A device vector that was left pending by a partition that is being closed: end it. 0x80B is the x2APIC's EOI; with
// an xAPIC the register is in memory.
.balign 16
.globl end_interrupt_x2apic
end_interrupt_x2apic:
    push %rax
    push %rcx
    push %rdx
    mov $0x80B, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    pop %rdx
    pop %rcx
    pop %rax
    iretq

.balign 16
.globl end_interrupt_xapic
end_interrupt_xapic:
    push %rax
    mov $0xFEE000B0, %eax
    movl $0, (%rax)
    pop %rax
    iretq
