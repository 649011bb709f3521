# SPDX-License-Identifier: Apache-2.0
# From GRUB's 32-bit hand-over (Multiboot2 §3.3), or from a wake-up page, to 64-bit C++ on identity page tables.

#define CODE_32 0x08
#define DATA 0x10
#define CODE_64 0x18

#define MULTIBOOT2_MAGIC 0xe85250d6
#define CR0_RUN 0x80010033      /* PG, WP, NE, ET, MP, PE; caches on */
#define CR0_PROTECTED 0x00000011 /* ET, PE; caches on */
#define CR4_RUN 0x220           /* PAE, OSFXSR: vector registers for hashing only */
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define PAGE_PRESENT_WRITE 0x3
#define PAGE_LARGE 0x83

# --- What GRUB looks for in the first 32 KiB of the file (§3.1) ---
    .section .boot.header, "a"
    .balign 8
header:
    .long MULTIBOOT2_MAGIC
    .long 0                     # i386, protected mode: the same under BIOS and UEFI
    .long header_end - header
    .long -(MULTIBOOT2_MAGIC + 0 + (header_end - header))
    .balign 8
    .short 1, 0                 # information request: the memory map
    .long 12
    .long 6
    .balign 8
    .short 6, 0                 # modules begin on page boundaries
    .long 8
    .balign 8
    .short 0, 0                 # end
    .long 8
header_end:

# --- The boot CPU ---
    .section .text.boot_entry, "ax"
    .code32
    .global boot_entry
boot_entry:
    cli
    cld
    mov $boot_stack_top, %esp
    mov %eax, %ebp              # loader's magic
    mov %ebx, %esi              # loader's information

    mov $0x80000000, %eax       # long mode there? (APM 3 appendix E, Fn8000_0001 EDX[29])
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc no_long_mode

    # The first 4 GiB, one to one, in 2 MiB pages. The tables are zero: they lie in .bss.
    movl $boot_pdpt + PAGE_PRESENT_WRITE, boot_pml4
    mov $boot_directories + PAGE_PRESENT_WRITE, %eax
    mov $boot_pdpt, %edi
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $4096, %eax
    add $8, %edi
    loop 1b
    mov $PAGE_LARGE, %eax
    mov $boot_directories, %edi
    mov $2048, %ecx
2:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 2b

    lgdt boot_gdtr
    call enter_long_mode
    ljmp $CODE_64, $boot_long

# Turns paging and long mode on; leaves all registers but EAX, ECX, EDX alone. 32-bit code on entry and return.
enter_long_mode:
    mov $CR4_RUN, %eax
    mov %eax, %cr4
    mov $boot_pml4, %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    rdmsr
    or $EFER_LME, %eax
    wrmsr
    mov $CR0_RUN, %eax
    mov %eax, %cr0
    ret

# Says why on COM1, as the firmware or GRUB left it, and stops.
no_long_mode:
    mov $no_long_mode_words, %esi
1:  lodsb
    test %al, %al
    jz 3f
    mov %al, %bl
    mov $0x3fd, %edx
    mov $100000, %ecx
2:  in %dx, %al
    test $0x20, %al
    loopz 2b
    mov $0x3f8, %edx
    mov %bl, %al
    out %al, %dx
    jmp 1b
3:  mov $0x01, %al
    out %al, $0x80
4:  cli
    hlt
    jmp 4b

    .code64
boot_long:
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov $boot_stack_top, %esp
    mov %ebp, %edi
    xor %ebp, %ebp
    call boot_main              # (magic, information); never returns
    ud2

# --- The others: copied to the wake-up page, entered in real mode at its start (SDM 3 §9.4, APM 2 §16.5) ---
    .section .rodata.trampoline, "a"
    .global trampoline_begin, trampoline_end
    .code16
trampoline_begin:
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    lgdtl trampoline_gdtr - trampoline_begin
    mov $CR0_PROTECTED, %eax
    mov %eax, %cr0
    ljmpl $CODE_32, $application_protected
    .balign 4
trampoline_gdtr:
    .short boot_gdt_end - boot_gdt - 1
    .long boot_gdt
trampoline_end:

    .section .text.application, "ax"
    .code32
application_protected:
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    # One after the other: from here on they share a stack, until each knows which CPU it is.
1:  lock btsl $0, application_lock
    jnc 2f
    pause
    jmp 1b
2:  mov $application_stack_top, %esp
    call enter_long_mode
    ljmp $CODE_64, $application_long
    .code64
application_long:
    mov $application_stack_top, %esp
    xor %ebp, %ebp
    call check_in               # gives {RAX: the CPU's own stack, RDX: its index}
    mov %rax, %rsp
    mov %edx, %edi
    movl $0, application_lock
    call await_launch           # (index); never returns
    ud2

# Goes to the resident part on the CPU's own stack: RDI its PerCpu, RSI stack.
    .global enter_resident
enter_resident:
    mov %rsi, %rsp
    xor %ebp, %ebp
    call resident_main
    ud2

    .section .rodata.boot_tables, "a"
    .balign 8
boot_gdt:                       # accessed bits preset: never written
    .quad 0
    .quad 0x00cf9b000000ffff    # CODE_32
    .quad 0x00cf93000000ffff    # DATA
    .quad 0x00af9b000000ffff    # CODE_64
boot_gdt_end:
boot_gdtr:
    .short boot_gdt_end - boot_gdt - 1
    .long boot_gdt
no_long_mode_words:
    .asciz "septum: refused: long mode: expected present, found absent (code 0x01)\r\n"

    .section .bss.boot_tables, "aw", @nobits
    .balign 4096
    .global boot_pml4, boot_pdpt
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_directories:
    .skip 4 * 4096
    .balign 16
    .skip 16384
boot_stack_top:
    .skip 8192
application_stack_top:
application_lock:
    .skip 4
