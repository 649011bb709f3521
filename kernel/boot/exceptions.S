# SPDX-License-Identifier: Apache-2.0
# Where exceptions before launch arrive: all of them end in a refusal.
    .section .text.boot_exceptions, "ax"
    .balign 16
    .global boot_exception_stubs
boot_exception_stubs:           # 16 bytes each
    .irp vector, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    .balign 16
    .if !((\vector == 8) || (\vector >= 10 && \vector <= 14) || (\vector == 17) || (\vector == 21) || (\vector == 29) || (\vector == 30))
    push $0                     # the others push an error code themselves (APM 2 §8.2)
    .endif
    push $\vector
    jmp exception
    .endr

exception:
    pop %rdi                    # vector
    pop %rsi                    # error code
    mov (%rsp), %rdx            # RIP
    and $-16, %rsp
    call boot_exception
    ud2
