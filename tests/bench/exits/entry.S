// SPDX-License-Identifier: Apache-2.0
// A Multiboot kernel (0.6.96 §3.1) and a PVH kernel in one: 32-bit protected mode, then 64-bit mode on page tables of its own,
// the first GiB identity-mapped in 2 MiB pages. Nothing else is assumed of whoever starts it.

.set MULTIBOOT_MAGIC, 0x1BADB002
.set MULTIBOOT_FLAGS, 0x3

.section .multiboot, "a"
.balign 4
.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

.section .note.pvh, "a", @note
.balign 4
.long 4, 4, 18          // XEN_ELFNOTE_PHYS32_ENTRY
.asciz "Xen"
.long start

.section .text.entry, "ax"
.code32
.globl start
start:
    cli
    cld
    mov $stack_top, %esp
    mov %eax, %ebp      // who has started it: the loader's magic, if it has one
    mov %ebx, %esi      // and its information

    mov $page_directory, %ebx
    mov $0x83, %eax
    mov $512, %ecx
1:  mov %eax, (%ebx)
    movl $0, 4(%ebx)
    add $0x200000, %eax
    add $8, %ebx
    loop 1b
    movl $page_directory + 3, page_pointers
    movl $page_pointers + 3, page_root

    mov $page_root, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x620, %eax     // PAE, OSFXSR, OSXMMEXCPT
    mov %eax, %cr4
    mov $0xC0000080, %ecx // EFER
    rdmsr
    or $0x100, %eax     // LME
    wrmsr
    mov %cr0, %eax
    or $0x80000001, %eax
    mov %eax, %cr0
    lgdt descriptor_register
    ljmp $8, $long_mode

.code64
long_mode:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    lidt interrupt_register(%rip)
    mov %ebp, %edi
    call exits_main
2:  cli
    hlt
    jmp 2b

// The one interrupt it takes: the time-stamp counter where it arrived, then the end of interrupt.
.globl timer_interrupt
timer_interrupt:
    push %rax
    push %rdx
    push %rcx
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, timer_arrival(%rip)
    mov $0x80B, %ecx    // x2APIC EOI
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    pop %rcx
    pop %rdx
    pop %rax
    iretq

.section .data
.balign 8
descriptors:
    .quad 0
    .quad 0x00AF9B000000FFFF // 64-bit code
    .quad 0x00CF93000000FFFF // data
descriptor_register:
    .word . - descriptors - 1
    .quad descriptors
interrupt_register:
    .word 256 * 16 - 1
    .quad interrupt_table

.section .bss
.balign 4096
page_root: .skip 4096
page_pointers: .skip 4096
page_directory: .skip 4096
.globl interrupt_table
interrupt_table: .skip 4096
stack: .skip 16384
stack_top:
