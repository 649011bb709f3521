// SPDX-License-Identifier: Apache-2.0
// Where a native partition begins: 64-bit mode, identity-mapped, interrupts off, RSP at the top of RAM,
// RDI = Info page, RDX = launch count. .bss is zero: the kernel scrubs RAM before each launch.
    .section .text.entry, "ax"
    .globl septum_guest_entry
    .type septum_guest_entry, @function
septum_guest_entry:
    cld
    xorl %ebp, %ebp
    movq %rdx, %rsi
    andq $-16, %rsp
    call septum_guest_start
    ud2                     // septum_guest_start does not return
    .size septum_guest_entry, . - septum_guest_entry

// septum_guest_load_segments(code, data, task): after LGDT, makes the CPU use the new table.
    .text
    .globl septum_guest_load_segments
    .type septum_guest_load_segments, @function
septum_guest_load_segments:
    movl %esi, %ds
    movl %esi, %es
    movl %esi, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    ltr %dx
    popq %rax
    pushq %rdi
    pushq %rax
    lretq
    .size septum_guest_load_segments, . - septum_guest_load_segments

    .section .note.GNU-stack, "", @progbits
