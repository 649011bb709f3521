// SPDX-License-Identifier: Apache-2.0
// Where another CPU of the partition begins after its SIPI: real mode, CS:IP = (kTrampoline / 16):0. Straight to 64-bit
// mode (APM 2 §14.6.1), then to the entry point with the number in RDI. Copied to septum::guest::kTrampoline.
    .set BASE, 0x8000

    .section .rodata
    .globl septum_guest_trampoline
    .globl septum_guest_trampoline_end
    .balign 8
septum_guest_trampoline:
    .code16
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl pointer - septum_guest_trampoline
    movl $0x620, %eax           // CR4: OSXMMEXCPT, OSFXSR, PAE
    movl %eax, %cr4
    movl cr3 - septum_guest_trampoline, %eax
    movl %eax, %cr3
    movl $0xC0000080, %ecx      // EFER: NXE, LME, SCE
    xorl %edx, %edx
    movl $0x901, %eax
    wrmsr
    movl $0x80010033, %eax      // CR0: PG, WP, NE, ET, MP, PE
    movl %eax, %cr0
    ljmpl $8, $(BASE + long_mode - septum_guest_trampoline)
    .code64
long_mode:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movq stack(%rip), %rsp
    movq number(%rip), %rdi
    xorl %ebp, %ebp
    pushq $0                    // a return address for nobody: the entry point does not return
    jmpq *entry(%rip)

    .balign 8
descriptors:
    .quad 0, 0x00209B0000000000, 0x00CF93000000FFFF
pointer:
    .word 23
    .long BASE + descriptors - septum_guest_trampoline
    .balign 8
cr3:    .quad 0                 // Parameters in src/processors.cpp
stack:  .quad 0
number: .quad 0
entry:  .quad 0
septum_guest_trampoline_end:

    .section .note.GNU-stack, "", @progbits
