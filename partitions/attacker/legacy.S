// SPDX-License-Identifier: Apache-2.0
// attacker_legacy(way, gdt, idt, stack): from 64-bit mode to 32-bit mode without paging (APM 2 §14.6.2), then one of the ways
// of legacy.cpp. Selectors: 0x08 code, 0x10 data, 0x18 this task, 0x20 the other, 0x28 a gate to it.
    .text
    .code64
    .globl attacker_legacy
    .type attacker_legacy, @function
attacker_legacy:
    cli
    lgdt (%rsi)
    movq %rdx, %rbp
    movq %rcx, %rsp
    pushq $8
    leaq 1f(%rip), %rax
    pushq %rax
    lretq
    .code32
1:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %cr0, %eax
    andl $0x7FFFFFFF, %eax  // PG
    movl %eax, %cr0
    xorl %eax, %eax         // EFER := 0: long mode is left
    xorl %edx, %edx
    movl $0xC0000080, %ecx
    wrmsr
    lidt (%ebp)
    movl $0x18, %eax
    ltr %ax
    cmpl $1, %edi
    jb jump
    je call
    cmpl $3, %edi
    jb gate
    je interrupt
    cmpl $4, %edi
    je write
    // Virtual-8086 mode with IOPL 3 at 0900:0000.
    pushl $0                // GS
    pushl $0                // FS
    pushl $0                // DS
    pushl $0                // ES
    pushl $0x900            // SS
    pushl $0xFF0            // ESP
    pushl $0x23002          // EFLAGS: VM, IOPL 3
    pushl $0x900            // CS
    pushl $0
    iretl
jump:
    ljmpl $0x20, $0
call:
    lcall $0x20, $0
gate:
    ljmpl $0x28, $0
interrupt:
    int $0x20
write:
    movl $0, 0x30000000
    ud2

    .globl attacker_legacy_task
attacker_legacy_task:
    movl $0x53455004, %eax  // Hypercall::restart
    vmmcall
    ud2
    .code64
    .size attacker_legacy, . - attacker_legacy

    .section .note.GNU-stack, "", @progbits
