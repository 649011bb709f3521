// SPDX-License-Identifier: Apache-2.0
// Where a static Linux program begins (System V ABI, AMD64, §3.4.1): RSP points at argc.
    .text
    .globl _start
    .type _start, @function
_start:
    xorl %ebp, %ebp
    movq %rsp, %rdi
    andq $-16, %rsp
    call client_start
    ud2
    .size _start, . - _start

    .section .note.GNU-stack, "", @progbits
